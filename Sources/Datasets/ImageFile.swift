// Unpacks one PNG or JPEG file.

import CJPEG
import CPNG

extension PixelImage {
  /// The most pixels of an image: what a small file claims to hold must not take all memory.
  private static let limit = 1 << 26

  /// Endings of files that are taken for images.
  static func isImage(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".png", ".jpg", ".jpeg"].contains(where: lower.hasSuffix)
  }

  /// Reads a file: by its first bytes it is PNG (transparent parts over black) or JPEG. One channel where the file is
  /// grey, otherwise three.
  init(path: String) throws(DatasetError) {
    let bytes = try ByteFile.contents(path)
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      self = try Self.png(bytes, path)
    } else if bytes.starts(with: [0xFF, 0xD8]) {
      self = try Self.jpeg(bytes, path)
    } else {
      throw .malformed(path: path, reason: "is neither a PNG nor a JPEG file")
    }
  }

  private static func png(_ bytes: [UInt8], _ path: String) throws(DatasetError) -> PixelImage {
    var image = png_image()
    defer { png_image_free(&image) }
    func failure() -> DatasetError {
      .malformed(path: path, reason: "libpng says: \(String(cString: cpng_message(&image)))")
    }
    // libpng keeps the address of the bytes from the first call to the second.
    return try bytes.withUnsafeBytes { bytes in
      Result { () throws(DatasetError) in
        guard cpng_open(&image, bytes.baseAddress, bytes.count) != 0 else { throw failure() }
        let channels = cpng_has_colour(&image) == 0 ? 1 : 3
        let shape = try checked(Int(image.height), Int(image.width), channels, path)
        var interleaved = [UInt8](repeating: 0, count: shape.count)
        guard cpng_read(&image, channels == 3 ? 1 : 0, &interleaved) != 0 else { throw failure() }
        return PixelImage(interleaved: interleaved, shape: shape)
      }
    }.get()
  }

  private static func jpeg(_ bytes: [UInt8], _ path: String) throws(DatasetError) -> PixelImage {
    var message = [CChar](repeating: 0, count: Int(CJPEG_MESSAGE_SIZE))
    func failure() -> DatasetError {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      return .malformed(path: path, reason: "libjpeg says: \(String(decoding: text, as: UTF8.self))")
    }
    var info = cjpeg_info()
    guard cjpeg_open(bytes, bytes.count, &info, &message) != 0 else { throw failure() }
    guard info.channels <= 3 else {
      throw .unsuitable(
        path: path, reason: "is a JPEG file in CMYK, the colours of print, which are not supported",
        remedy: "convert it to RGB")
    }
    let shape = try checked(Int(info.height), Int(info.width), Int(info.channels), path)
    var interleaved = [UInt8](repeating: 0, count: shape.count)
    guard cjpeg_read(bytes, bytes.count, &interleaved, interleaved.count, &message) != 0 else {
      throw failure()
    }
    return PixelImage(interleaved: interleaved, shape: shape)
  }

  private static func checked(
    _ height: Int, _ width: Int, _ channels: Int, _ path: String
  ) throws(DatasetError) -> ImageShape {
    guard height > 0, width > 0, height * width <= limit else {
      throw .tooLarge(path: path, dimensions: [height, width, channels], limit: "an image may have")
    }
    return ImageShape(channels: channels, height: height, width: width)
  }

  /// From the channels of a pixel side by side.
  private init(interleaved: [UInt8], shape: ImageShape) {
    self.shape = shape
    guard shape.channels > 1 else {
      pixels = interleaved
      return
    }
    pixels = (0..<shape.channels).flatMap { channel in
      stride(from: channel, to: interleaved.count, by: shape.channels).map { interleaved[$0] }
    }
  }
}
