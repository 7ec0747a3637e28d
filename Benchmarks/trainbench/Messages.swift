// What the orchestrator of the training benchmark and trainbench say to each other.

/// A line from the orchestrator. Members that a request does not need are ignored.
struct Request: Decodable {
  let `do`: String
  let `case`: TrainingCase?
  let id: Int?
  let count: Int?
  let path: String?
}

/// What is trained.
struct TrainingCase: Decodable {
  let network: String
  let channels: Int
  let size: Int
  /// Images of a step.
  let batch: Int
  /// Images of the data set.
  let images: Int
  /// As `adam(lr=0.001)`.
  let optimizer: String
  let threads: Int
  /// Whether `profile` computes every convolution by its definition; false if it is missing.
  let direct: Bool?
}

/// A line to the orchestrator.
struct Reply: Encodable {
  struct Part: Encodable {
    let name: String
    let seconds: Double
    let products: Double
  }

  var ok = true
  var why: String?
  var name: String?
  var version: String?
  var id: Int?
  var seconds: Double?
  var losses: [Double]?
  var bytes: Int?
  /// Of one step, in its order: what takes time and the floating-point operations of its products.
  var parts: [Part]?
}

/// Why a request cannot be carried out.
struct Refusal: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
