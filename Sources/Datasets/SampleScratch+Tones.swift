// Changes an image's values: brightness, contrast, colour, sharpness, tone curves.
//
// Each is what Pillow's ImageEnhance and ImageOps do, to the value
// (<https://pillow.readthedocs.io/en/stable/reference/ImageEnhance.html>).

extension SampleScratch {
  private var plane: Int { shape.height * shape.width }

  /// 0 is black, 1 the image.
  func adjustBrightness(by factor: Float) {
    for element in 0..<shape.count { pixels[element] = Self.blend(0, pixels[element], factor) }
  }

  /// 0 is grey, 1 the image. Only for three channels.
  func adjustColour(by factor: Float) {
    guard shape.channels == 3 else { return }
    for element in 0..<plane {
      let grey = luminance(element)
      for place in stride(from: element, to: shape.count, by: plane) {
        pixels[place] = Self.blend(grey, pixels[place], factor)
      }
    }
  }

  /// 0 is the mean grey, 1 the image.
  func adjustContrast(by factor: Float) {
    var sum = 0
    for element in 0..<plane { sum += Int(luminance(element)) }
    let mean = UInt8(Double(sum) / Double(plane) + 0.5)
    for element in 0..<shape.count { pixels[element] = Self.blend(mean, pixels[element], factor) }
  }

  /// 0 is a smoothed image, 1 the image; pixels at the border stay.
  func adjustSharpness(by factor: Float) {
    let (height, width) = (shape.height, shape.width)
    other.update(from: pixels, count: shape.count)
    if height > 2, width > 2 {
      for channel in 0..<shape.channels {
        for row in 1..<height - 1 {
          for column in 1..<width - 1 {
            let place = (channel * height + row) * width + column
            var sum = 4 * Int(pixels[place])
            for line in [place - width, place, place + width] {
              sum += Int(pixels[line - 1]) + Int(pixels[line]) + Int(pixels[line + 1])
            }
            // To the nearest whole number.
            let smooth = UInt8((2 * sum + 13) / 26)
            other[place] = Self.blend(smooth, pixels[place], factor)
          }
        }
      }
    }
    swap()
  }

  /// Keeps the upper `bits` bits, 0…8.
  func posterize(bits: Int) {
    let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
    for element in 0..<shape.count { pixels[element] &= mask }
  }

  /// Turns values at or above `threshold` into their opposites.
  func solarize(threshold: Double) {
    for element in 0..<shape.count where Double(pixels[element]) >= threshold {
      pixels[element] = 255 - pixels[element]
    }
  }

  /// Stretches each channel to 0…255.
  func stretchContrast() {
    mapChannels { histogram in
      guard let low = histogram.firstIndex(where: { $0 > 0 }),
        let high = histogram.lastIndex(where: { $0 > 0 }), low < high
      else { return nil }
      let scale = 255 / Double(high - low)
      let offset = -Double(low) * scale
      return (0..<256).map { UInt8(min(255, max(0, Double($0) * scale + offset))) }
    }
  }

  /// Makes every value of each channel about as frequent.
  func equalize() {
    mapChannels { histogram in
      guard let last = histogram.lastIndex(where: { $0 > 0 }) else { return nil }
      let step = (histogram.reduce(0, +) - histogram[last]) / 255
      guard step > 0 else { return nil }
      var total = step / 2
      return histogram.map { count in
        defer { total += count }
        return UInt8(min(255, total / step))
      }
    }
  }

  /// Replaces each value by that of a table made from its channel's histogram; `nil` leaves the channel.
  private func mapChannels(_ table: ([Int]) -> [UInt8]?) {
    for channel in 0..<shape.channels {
      let values = UnsafeMutableBufferPointer(start: pixels + channel * plane, count: plane)
      var histogram = [Int](repeating: 0, count: 256)
      for value in values { histogram[Int(value)] += 1 }
      guard let table = table(histogram) else { continue }
      for element in values.indices { values[element] = table[Int(values[element])] }
    }
  }

  /// Of the pixel whose first value is at `element`: ITU-R 601-2 weights in 16 bits.
  private func luminance(_ element: Int) -> UInt8 {
    guard shape.channels == 3 else { return pixels[element] }
    let red = Int(pixels[element])
    let green = Int(pixels[element + plane])
    let blue = Int(pixels[element + 2 * plane])
    return UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16)
  }

  /// From `from` (factor 0) to `to` (factor 1) and beyond, cut off at 0 and 255.
  private static func blend(_ from: UInt8, _ to: UInt8, _ factor: Float) -> UInt8 {
    UInt8(min(255, max(0, Float(from) + factor * (Float(to) - Float(from)))))
  }
}
