// Moves an image's pixels: flips, shifts, and any affine map.

import Foundation

/// Where the pixel at (x, y) of the result comes from: (a·x + b·y + c, d·x + e·y + f), in pixels, a pixel's centre
/// being at half a pixel.
struct AffineMap {
  var a = 1.0
  var b = 0.0
  var c = 0.0
  var d = 0.0
  var e = 1.0
  var f = 0.0

  /// Turns counter-clockwise about the centre.
  static func rotation(degrees: Double, _ shape: ImageShape) -> AffineMap {
    let angle = -degrees * Double.pi / 180
    let (cosine, sine) = (cos(angle), sin(angle))
    let (x, y) = (Double(shape.width) / 2, Double(shape.height) / 2)
    return AffineMap(
      a: cosine, b: sine, c: x - cosine * x - sine * y,
      d: -sine, e: cosine, f: y + sine * x - cosine * y)
  }
}

extension SampleScratch {
  func flipHorizontally() {
    for row in 0..<shape.channels * shape.height {
      let line = pixels + row * shape.width
      var (left, right) = (0, shape.width - 1)
      while left < right {
        (line[left], line[right]) = (line[right], line[left])
        left += 1
        right -= 1
      }
    }
  }

  func flipVertically() {
    for channel in 0..<shape.channels {
      for row in 0..<shape.height {
        let (from, to) = (channel * shape.height + row, channel * shape.height + shape.height - 1 - row)
        (other + to * shape.width).update(from: pixels + from * shape.width, count: shape.width)
      }
    }
    swap()
  }

  /// Moves the image; what enters is 0.
  func shift(right: Int, down: Int) {
    other.update(repeating: 0, count: shape.count)
    let columns = max(0, right)..<min(shape.width, shape.width + right)
    if !columns.isEmpty {
      for channel in 0..<shape.channels {
        for row in max(0, down)..<max(0, down, min(shape.height, shape.height + down)) {
          let to = (channel * shape.height + row) * shape.width + columns.lowerBound
          (other + to).update(from: pixels + (to - down * shape.width - right), count: columns.count)
        }
      }
    }
    swap()
  }

  func rotate(degrees: Double) {
    warp(.rotation(degrees: degrees, shape))
  }

  /// Takes each pixel from where `map` says, between four pixels where it falls there; outside the image is 0.
  ///
  /// As Pillow's `Image.transform` with `AFFINE` and `BILINEAR` does: within half a pixel of the border the border's
  /// own values go on, <https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.transform>.
  func warp(_ map: AffineMap) {
    let (height, width) = (shape.height, shape.width)
    let plane = height * width
    for row in 0..<height {
      let y = Double(row) + 0.5
      for column in 0..<width {
        let x = Double(column) + 0.5
        let sourceX = map.a * x + map.b * y + map.c
        let sourceY = map.d * x + map.e * y + map.f
        let place = row * width + column
        guard sourceX >= 0, sourceX < Double(width), sourceY >= 0, sourceY < Double(height) else {
          for channel in 0..<shape.channels { other[channel * plane + place] = 0 }
          continue
        }
        let left = (sourceX - 0.5).rounded(.down)
        let top = (sourceY - 0.5).rounded(.down)
        let (shareX, shareY) = (Float(sourceX - 0.5 - left), Float(sourceY - 0.5 - top))
        let columns = (max(0, Int(left)), min(width - 1, Int(left) + 1))
        let rows = (max(0, Int(top)) * width, min(height - 1, Int(top) + 1) * width)
        for channel in 0..<shape.channels {
          let source = pixels + channel * plane
          func between(_ row: Int) -> Float {
            let value = Float(source[row + columns.0])
            return value + (Float(source[row + columns.1]) - value) * shareX
          }
          let upper = between(rows.0)
          let value = upper + (between(rows.1) - upper) * shareY
          other[channel * plane + place] = UInt8(value + 0.5)
        }
      }
    }
    swap()
  }
}
