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
    streams.map(name) + (roundsParameter(type) ? ["p, rounded"] : [])
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
  /// numbers of the type that the program computes in. Compile it with `-ffp-contract=off`.
  ///
  /// Parameters of 16 bits are trained on 32-bit masters: the first stream is the master then, the gradient has 16 bits,
  /// and a last stream gets the parameter, rounded to nearest even.
  /// - Parameter dtype: of the parameters: float32, float64, bfloat16 or float16.
  public func c(_ dtype: DType) -> String {
    let dialect = Dialect.c(dtype)
    let places = streamPlaces
    func local(_ stream: Stream) -> String { "s\(places[stream] ?? 0)" }
    let (values, results) = lines(dialect, load: local, constant: { "c\($0)" })
    let number = dialect.number
    let rounded = dtype.isHalf ? results.first { $0.stream == .parameter }?.value : nil
    func isHalf(_ stream: Stream) -> Bool { dtype.isHalf && stream == .gradient }
    // GCC knows the pragma in no version, and has an option for it only.
    var text = ["#ifdef __clang__", "#pragma STDC FP_CONTRACT OFF", "#endif", ""]
    if dtype.isHalf {
      text.append("typedef unsigned short half_bits;")
      if readsGradient {
        text += ["static inline float widen(half_bits x) {"] + Self.widening(dtype) + ["}"]
      }
      if rounded != nil {
        text += ["static inline half_bits narrow(float x) {"] + Self.narrowing(dtype) + ["}"]
      }
      text.append("")
    }
    text.append(
      "void optplug_program(void *const *streams, long long count, const void *constants) {")
    for (place, stream) in streams.enumerated() {
      let type = isHalf(stream) ? "half_bits" : number
      let isWritten = self.results[stream] != nil
      text.append(
        "  \(isWritten ? "" : "const ")\(type) *restrict p\(place) = streams[\(place)];  /* \(name(stream)) */"
      )
    }
    if rounded != nil {
      text.append(
        "  half_bits *restrict p\(streams.count) = streams[\(streams.count)];  /* p, rounded */")
    }
    if constantCount == 0 { text.append("  (void)constants;") }
    for i in 0..<constantCount {
      text.append(
        "  const \(number) c\(i) = ((const \(number) *)constants)[\(i)];  /* \(constantNames[i]) */")
    }
    text.append("  for (long long i = 0; i < count; i++) {")
    for (place, stream) in streams.enumerated() where operations.contains(.load(stream)) {
      text.append(
        "    const \(number) s\(place) = \(isHalf(stream) ? "widen(p\(place)[i])" : "p\(place)[i]");")
    }
    text += values.map { "    const \($0.isTruth ? "int" : number) \($0.name) = \($0.expression);" }
    text += results.map { "    p\(places[$0.stream] ?? 0)[i] = \($0.value);" }
    if let rounded { text.append("    p\(streams.count)[i] = narrow(\(rounded));") }
    text += ["  }", "}", ""]
    return text.joined(separator: "\n")
  }

  /// As `c`, and beside it a function
  /// `void optplug_pieces(const struct piece *pieces, long long count, const void *constants)` for many tensors in one
  /// call. A piece is the pointers of its streams, then its elements as a 64-bit number.
  func cForPieces(_ dtype: DType) -> String {
    let streams = streamNames(dtype).count
    return c(dtype) + """

      struct piece { void *streams[\(streams)]; long long count; };

      void optplug_pieces(const struct piece *pieces, long long count, const void *constants) {
        for (long long i = 0; i < count; i++) optplug_program(pieces[i].streams, pieces[i].count, constants);
      }

      """
  }

  /// From a pattern of 16 bits to a float, as the host converts.
  private static func widening(_ dtype: DType) -> [String] {
    dtype == .bfloat16
      ? [
        "  const unsigned bits = (unsigned)x << 16;", "  float y;",
        "  __builtin_memcpy(&y, &bits, sizeof y);", "  return y;",
      ] : ["  _Float16 y;", "  __builtin_memcpy(&y, &x, sizeof y);", "  return (float)y;"]
  }

  /// From a float to the pattern of the nearest number of 16 bits, ties to even, as the host converts.
  private static func narrowing(_ dtype: DType) -> [String] {
    dtype == .bfloat16
      ? [
        "  unsigned bits;", "  __builtin_memcpy(&bits, &x, sizeof bits);",
        "  const unsigned rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, quiet = bits >> 16 | 0x40u;",
        "  return (half_bits)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);",
      ]
      : [
        "  const _Float16 y = (_Float16)x;", "  half_bits bits;",
        "  __builtin_memcpy(&bits, &y, sizeof bits);", "  return bits;",
      ]
  }
}
