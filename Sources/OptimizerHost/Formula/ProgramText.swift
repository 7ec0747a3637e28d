// A program as people read it, and as a C compiler does.

extension FusedProgram {
  /// A name for a stream: "p", "g", or the slot's.
  func name(_ stream: Stream) -> String {
    switch stream {
    case .parameter: "p"
    case .gradient: "g"
    case .slot(let place): slots[place].name
    }
  }

  /// The streams that the CUDA program takes for parameters of a type, by name: those of 16 bits have one more.
  func streamNames(_ type: DType) -> [String] {
    streams.map(name) + (type.isHalf && writesParameter ? ["p, rounded"] : [])
  }

  /// The operations, one in a line, with p the parameter's element and g the gradient's.
  /// - Parameter constants: of a `Fusion.Launch`.
  public func text(constants: [Double]) -> String {
    let (values, results) = lines(.text, load: name, constant: { "c\($0)" })
    var rows = constants.indices.map { i in "c\(i) = \(constants[i])  (\(constantNames[i]))" }
    rows += values.map { "\($0.name) = \($0.expression)" }
    rows += results.map { "\(name($0.stream)) <- \($0.value)" }
    return rows.joined(separator: "\n")
  }

  /// The program in C: a function
  /// `void optplug_program(void *const *streams, long long count, const void *constants)` that updates `count`
  /// consecutive elements. The streams are the parameter, the gradient where it is read, and the slots in order; constants are
  /// numbers of the elements' type. Compile it with `-ffp-contract=off`.
  public func c(_ dtype: DType) -> String {
    let dialect = Dialect.c(dtype)
    let places = streamPlaces
    func local(_ stream: Stream) -> String { "s\(places[stream] ?? 0)" }
    let (values, results) = lines(dialect, load: local, constant: { "c\($0)" })
    let number = dialect.number
    // GCC knows the pragma in no version, and has an option for it only.
    var text = ["#ifdef __clang__", "#pragma STDC FP_CONTRACT OFF", "#endif", ""]
    text.append(
      "void optplug_program(void *const *streams, long long count, const void *constants) {")
    for (place, stream) in streams.enumerated() {
      let isWritten = self.results[stream] != nil
      text.append(
        "  \(isWritten ? "" : "const ")\(number) *restrict p\(place) = streams[\(place)];  /* \(name(stream)) */"
      )
    }
    if constantCount == 0 { text.append("  (void)constants;") }
    for i in 0..<constantCount {
      text.append(
        "  const \(number) c\(i) = ((const \(number) *)constants)[\(i)];  /* \(constantNames[i]) */")
    }
    text.append("  for (long long i = 0; i < count; i++) {")
    for (place, stream) in streams.enumerated() where operations.contains(.load(stream)) {
      text.append("    const \(number) s\(place) = p\(place)[i];")
    }
    text += values.map { "    const \($0.isTruth ? "int" : number) \($0.name) = \($0.expression);" }
    text += results.map { "    p\(places[$0.stream] ?? 0)[i] = \($0.value);" }
    text += ["  }", "}", ""]
    return text.joined(separator: "\n")
  }
}
