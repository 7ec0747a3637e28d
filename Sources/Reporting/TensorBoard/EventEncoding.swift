// TensorBoard's events as bytes: scalars, texts, and the records that frame them.

/// One event of an event file. Field numbers are those of event.proto and summary.proto:
/// <https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto>.
enum EventEncoding {
  /// What a file begins with.
  static func version(at time: Double) -> [UInt8] {
    event(time, step: 0) { $0.add(3, text: "brain.Event:2") }
  }

  /// Says that the run goes on with `step`: readers forget what earlier files say of it and of later ones.
  static func restart(at time: Double, step: Int) -> [UInt8] {
    event(time, step: step) { event in
      event.add(7, message: ProtobufMessage { $0.add(1, integer: 1) })
    }
  }

  /// Numbers of one step by their tags.
  static func scalars(_ values: [(tag: String, value: Double)], at time: Double, step: Int) -> [UInt8] {
    event(time, step: step) { event in
      event.add(
        5,
        message: ProtobufMessage { summary in
          for (tag, value) in values {
            summary.add(
              1,
              message: ProtobufMessage {
                $0.add(1, text: tag)
                $0.add(2, float: Float(value))
              })
          }
        })
    }
  }

  /// A text in Markdown, for the tab "Text": a tensor of one string.
  static func text(_ text: String, tag: String, at time: Double) -> [UInt8] {
    let metadata = ProtobufMessage { metadata in
      metadata.add(1, message: ProtobufMessage { $0.add(1, text: "text") })
    }
    let shape = ProtobufMessage { shape in
      shape.add(2, message: ProtobufMessage { $0.add(1, integer: 1) })
    }
    let tensor = ProtobufMessage {
      // 7 is a string.
      $0.add(1, integer: 7)
      $0.add(2, message: shape)
      $0.add(8, text: text)
    }
    let value = ProtobufMessage {
      $0.add(1, text: tag)
      $0.add(8, message: tensor)
      $0.add(9, message: metadata)
    }
    return event(time, step: 0) { event in
      event.add(5, message: ProtobufMessage { $0.add(1, message: value) })
    }
  }

  private static func event(_ time: Double, step: Int, fill: (inout ProtobufMessage) -> Void) -> [UInt8] {
    record(
      ProtobufMessage { event in
        event.add(1, double: time)
        event.add(2, integer: Int64(step))
        fill(&event)
      }.bytes)
  }

  /// Length, checksum of the length, data, checksum of the data.
  static func record(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
  }
}
