// A program as a kernel in CUDA C, for NVRTC: it includes nothing.

extension FusedProgram {
  /// Elements that a block of threads updates.
  public static let cudaChunk = 4096
  /// Threads of a block.
  public static let cudaThreads = 256

  /// The program in CUDA C: a kernel `optplug_program(segments, chunks, constants)` that updates many tensors in one
  /// launch, with one block of `cudaThreads` for each of `chunks`.
  /// - `segments`: per tensor, pointers to its streams, then its elements as a 64-bit number. The streams are the
  ///   parameter, the gradient where it is read, and the slots in order.
  /// - `chunks`: pairs of 32-bit numbers, a segment and which `cudaChunk` of its elements.
  /// - `constants`: a 64-bit number, 0 if nothing shall happen, then numbers of the type that the program computes in.
  ///
  /// Parameters of 16 bits are trained on 32-bit masters: the first stream is the master then, the gradient has 16 bits,
  /// and a last stream gets the parameter, rounded to nearest even.
  ///
  /// The intrinsics round as the CPU does, so that the bits are those of `c`, whatever the compiler's options but
  /// `--ftz=true`; what is not a number is the device's own.
  /// - Parameter dtype: of the parameters: float32, float64, bfloat16 or float16.
  public func cuda(_ dtype: DType) -> String {
    let trained: DType = dtype.isHalf ? .float32 : dtype
    let dialect = Dialect.cuda(trained)
    let number = dialect.number
    let places = streamPlaces
    let (values, results) = lines(dialect, load: { "s\(places[$0] ?? 0)" }, constant: { "c\($0)" })
    let roundsParameter = roundsParameter(dtype)
    /// Per stream, its type in memory, whether it is read, and what is written to it.
    var columns = streams.map { stream in
      (
        name: name(stream), type: dtype.isHalf && stream == .gradient ? "half_bits" : number,
        isRead: operations.contains(.load(stream)), result: results.first { $0.stream == stream }?.value
      )
    }
    if roundsParameter {
      let value = results.first { $0.stream == .parameter }?.value ?? ""
      columns.append(("p, rounded", "half_bits", false, "narrow(\(value))"))
    }
    let lanes = 16 / dtype.size
    var text = Self.types(streams: columns.count, lanes: lanes)
    if dtype.isHalf { text.append("typedef unsigned short half_bits;") }
    if dtype.isHalf, readsGradient { text += Self.widening(dtype) }
    if roundsParameter { text += Self.narrowing(dtype) }
    text += ["", "struct constants {", "  long long acts;"]
    text += (0..<constantCount).map { "  \(number) c\($0);  // \(constantNames[$0])" }
    text += ["};", ""]
    // One element, as values in registers.
    let arguments = columns.enumerated().map { place, column in
      "\(column.result == nil ? "const " : "")\(column.type) &x\(place)"
    }
    text.append(
      "static __device__ __forceinline__ void update(const constants &k, \(arguments.joined(separator: ", "))) {"
    )
    for i in 0..<constantCount { text.append("  const \(number) c\(i) = k.c\(i);") }
    for (place, column) in columns.enumerated() where column.isRead {
      let isWide = column.type == number
      text.append(
        "  const \(number) s\(place) = \(isWide ? "x\(place)" : "widen(x\(place))");  // \(column.name)")
    }
    text += values.map { "  const \($0.isTruth ? "bool" : number) \($0.name) = \($0.expression);" }
    for (place, column) in columns.enumerated() {
      if let result = column.result { text.append("  x\(place) = \(result);") }
    }
    text += ["}", ""]
    text += Self.kernel(columns.map { ($0.type, $0.isRead, $0.result != nil) }, lanes: lanes)
    return text.joined(separator: "\n")
  }

  /// A kernel as those of programs, whose streams are a float and a number of 16 bits: the first becomes the second.
  /// - Parameter dtype: bfloat16 or float16.
  static func cudaWidening(_ dtype: DType) -> String {
    var text = types(streams: 2, lanes: 8) + ["typedef unsigned short half_bits;"] + widening(dtype)
    text += [
      "", "struct constants { long long acts; };", "",
      "static __device__ __forceinline__ void update(const constants &, float &x0, const half_bits &x1) {",
      "  x0 = widen(x1);", "}", "",
    ]
    text += kernel([("float", false, true), ("half_bits", true, false)], lanes: 8)
    return text.joined(separator: "\n")
  }

  private static func types(streams: Int, lanes: Int) -> [String] {
    [
      "struct segment { void *streams[\(streams)]; long long count; };",
      "struct chunk { unsigned segment, part; };",
      "template <typename T> struct alignas(16) lanes { T at[\(lanes)]; };",
    ]
  }

  /// From a pattern of 16 bits to a float.
  private static func widening(_ dtype: DType) -> [String] {
    ["static __device__ __forceinline__ float widen(half_bits x) {"]
      + (dtype == .bfloat16
        ? ["  return __uint_as_float((unsigned)x << 16);", "}"]
        : ["  float y;", "  asm(\"cvt.f32.f16 %0, %1;\" : \"=f\"(y) : \"h\"(x));", "  return y;", "}"])
  }

  /// From a float to the pattern of the nearest number of 16 bits, ties to even.
  private static func narrowing(_ dtype: DType) -> [String] {
    ["static __device__ __forceinline__ half_bits narrow(float x) {"]
      + (dtype == .bfloat16
        ? [
          "  const unsigned bits = __float_as_uint(x);",
          "  if ((bits & 0x7fffffffu) > 0x7f800000u) return (half_bits)(bits >> 16 | 0x40u);",
          "  return (half_bits)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);", "}",
        ]
        : [
          "  half_bits y;", "  asm(\"cvt.rn.f16.f32 %0, %1;\" : \"=h\"(y) : \"f\"(x));", "  return y;", "}",
        ])
  }

  /// The kernel around `update`: 16 bytes of the narrowest stream at a time where all streams allow it.
  private static func kernel(
    _ columns: [(type: String, isRead: Bool, isWritten: Bool)], lanes: Int
  ) -> [String] {
    var text = [
      "extern \"C\" __global__ void __launch_bounds__(\(cudaThreads)) optplug_program(",
      "    const segment *__restrict__ segments, const chunk *__restrict__ chunks, const constants *__restrict__ k) {",
      "  const constants c = *k;",
      "  if (!c.acts) return;",
      "  const chunk part = chunks[blockIdx.x];",
      "  const segment &tensor = segments[part.segment];",
      "  const long long first = (long long)part.part * \(cudaChunk);",
      "  const int count = (int)min(tensor.count - first, (long long)\(cudaChunk));",
    ]
    for (i, column) in columns.enumerated() {
      text.append(
        "  \(column.isWritten ? "" : "const ")\(column.type) *__restrict__ p\(i) = "
          + "static_cast<\(column.type) *>(tensor.streams[\(i)]) + first;")
    }
    // Pointers from memory could mean anything; these mean the device's.
    for i in columns.indices { text.append("  __builtin_assume(__isGlobal(p\(i)));") }
    let aligned = columns.enumerated().map { i, column in
      "(unsigned long long)p\(i) % alignof(lanes<\(column.type)>)"
    }
    text += [
      "  int tail = 0;",
      "  if ((\(aligned.joined(separator: " | "))) == 0) {",
      "    tail = count & ~\(lanes - 1);",
      "    for (int i = threadIdx.x * \(lanes); i < tail; i += \(cudaThreads * lanes)) {",
    ]
    for (i, column) in columns.enumerated() {
      let type = "lanes<\(column.type)>"
      text.append(
        column.isRead
          ? "      \(type) v\(i) = *reinterpret_cast<const \(type) *>(p\(i) + i);" : "      \(type) v\(i);")
    }
    let vector = columns.indices.map { "v\($0).at[j]" }.joined(separator: ", ")
    text += ["      #pragma unroll", "      for (int j = 0; j < \(lanes); j++) update(c, \(vector));"]
    for (i, column) in columns.enumerated() where column.isWritten {
      text.append("      *reinterpret_cast<lanes<\(column.type)> *>(p\(i) + i) = v\(i);")
    }
    text += ["    }", "  }", "  for (int i = tail + threadIdx.x; i < count; i += \(cudaThreads)) {"]
    for (i, column) in columns.enumerated() {
      text.append("    \(column.type) v\(i)\(column.isRead ? " = p\(i)[i]" : "");")
    }
    text.append("    update(c, \(columns.indices.map { "v\($0)" }.joined(separator: ", ")));")
    for (i, column) in columns.enumerated() where column.isWritten { text.append("    p\(i)[i] = v\(i);") }
    text += ["  }", "}", ""]
    return text
  }
}
