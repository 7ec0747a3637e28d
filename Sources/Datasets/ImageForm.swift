// Brings images to one size and number of channels.

/// Size and colours that images are to have.
public struct ImageForm: Hashable, Codable, Sendable {
  /// Rows and columns; `nil`: as they are.
  public var size: Int?
  /// 1 for grey, 3 for colour; `nil`: as they are.
  public var channels: Int?

  public init(size: Int? = nil, channels: Int? = nil) {
    self.size = size
    self.channels = channels
  }
}

extension Dataset {
  /// The same images in another form.
  public func inForm(_ form: ImageForm) -> Dataset {
    let wanted = ImageShape(
      channels: form.channels ?? shape.channels, height: form.size ?? shape.height,
      width: form.size ?? shape.width)
    guard wanted != shape else { return self }
    func convert(_ images: LabeledImages) -> LabeledImages {
      var pixels: [UInt8] = []
      pixels.reserveCapacity(images.count * wanted.count)
      for index in 0..<images.count {
        pixels += PixelImage(shape: images.shape, pixels: Array(images.image(index))).inForm(form).pixels
      }
      return LabeledImages(shape: wanted, pixels: pixels, labels: images.labels)
    }
    return Dataset(name: name, classNames: classNames, train: convert(train), test: convert(test))
  }
}

/// One image of any size; `shape.count` values in the order channel, row, column.
struct PixelImage: Hashable {
  let shape: ImageShape
  let pixels: [UInt8]

  func inForm(_ form: ImageForm) -> PixelImage {
    let coloured = form.channels.map(withChannels) ?? self
    return form.size.map(coloured.scaled) ?? coloured
  }

  /// Grey by the weights of ITU-R 601-2, as Pillow's `convert("L")`; colour by the same value in all channels.
  func withChannels(_ channels: Int) -> PixelImage {
    guard channels != shape.channels else { return self }
    let plane = shape.height * shape.width
    let other = ImageShape(channels: channels, height: shape.height, width: shape.width)
    if channels == 3 { return PixelImage(shape: other, pixels: pixels + pixels + pixels) }
    let grey = (0..<plane).map { place in
      let (red, green, blue) = (
        Int(pixels[place]), Int(pixels[plane + place]), Int(pixels[2 * plane + place])
      )
      return UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16)
    }
    return PixelImage(shape: other, pixels: grey)
  }

  /// The square in the middle, as large as the image allows, scaled to `size` × `size`.
  func scaled(to size: Int) -> PixelImage {
    let side = min(shape.height, shape.width)
    guard shape.height != size || shape.width != size else { return self }
    let (top, left) = ((shape.height - side) / 2, (shape.width - side) / 2)
    let taps = Tap.all(from: side, to: size)
    var result: [UInt8] = []
    result.reserveCapacity(shape.channels * size * size)
    for channel in 0..<shape.channels {
      let start = (channel * shape.height + top) * shape.width + left
      // Rows become narrower first, then fewer; whole values in between, as Pillow has them.
      var narrow = [UInt8](repeating: 0, count: side * size)
      for row in 0..<side {
        for (column, tap) in taps.enumerated() {
          narrow[row * size + column] = tap.value { pixels[start + row * shape.width + $0] }
        }
      }
      for tap in taps {
        for column in 0..<size { result.append(tap.value { narrow[$0 * size + column] }) }
      }
    }
    return PixelImage(shape: ImageShape(channels: shape.channels, height: size, width: size), pixels: result)
  }
}

/// Which pixels of a line one pixel of a scaled line is made of.
///
/// A triangle as wide as the scale, so that nothing is skipped when an image shrinks: the antialiased bilinear scaling
/// of Pillow and of torchvision's `Resize`.
private struct Tap {
  let first: Int
  let weights: [Double]

  static func all(from: Int, to: Int) -> [Tap] {
    let scale = Double(from) / Double(to)
    let reach = max(1, scale)
    return (0..<to).map { place in
      let centre = (Double(place) + 0.5) * scale
      let first = max(0, Int(centre - reach + 0.5))
      let end = min(from, Int(centre + reach + 0.5))
      let weights = (first..<end).map { max(0, 1 - abs((Double($0) - centre + 0.5) / reach)) }
      let sum = weights.reduce(0, +)
      return Tap(first: first, weights: weights.map { $0 / sum })
    }
  }

  func value(_ pixel: (Int) -> UInt8) -> UInt8 {
    var sum = 0.0
    for (offset, weight) in weights.enumerated() { sum += weight * Double(pixel(first + offset)) }
    return UInt8(min(255, max(0, sum + 0.5)))
  }
}
