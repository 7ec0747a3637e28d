// The inner loops of max-pooling where no loops in C know the layout.

/// Pools one plane `[row][column][lane]`. `choices` gets the position within the window, row by row.
///
/// The first of equal values wins, NaN wins over everything, and padding never wins: as in PyTorch.
func maxPoolPlane(
  _ input: UnsafePointer<Float>, _ source: BlockedImages, _ output: UnsafeMutablePointer<Float>,
  _ choices: UnsafeMutablePointer<UInt8>, _ target: BlockedImages, _ window: Window
) {
  for row in 0..<target.height {
    let (top, rows) = window.extent(row, within: source.height)
    for column in 0..<target.width {
      let (left, columns) = window.extent(column, within: source.width)
      let start = (row * target.width + column) * target.lanes
      let corner = (top * source.width + left) * source.lanes
      for lane in 0..<source.lanes {
        var best = -Float.infinity
        var choice = rows.lowerBound * window.size + columns.lowerBound
        for windowRow in rows {
          for windowColumn in columns {
            let value = input[corner + (windowRow * source.width + windowColumn) * source.lanes + lane]
            if value > best || value.isNaN {
              best = value
              choice = windowRow * window.size + windowColumn
            }
          }
        }
        output[start + lane] = best
        choices[start + lane] = UInt8(truncatingIfNeeded: choice)
      }
    }
  }
}

/// Sends each output's gradient to the input that was chosen; windows may overlap.
func maxPoolPlaneBackward(
  _ gradient: UnsafePointer<Float>, _ choices: UnsafePointer<UInt8>, _ target: BlockedImages,
  _ result: UnsafeMutablePointer<Float>, _ source: BlockedImages, _ window: Window
) {
  result.update(repeating: 0, count: source.plane)
  for row in 0..<target.height {
    for column in 0..<target.width {
      let top = row * window.stride - window.padding
      let left = column * window.stride - window.padding
      let start = (row * target.width + column) * target.lanes
      for lane in 0..<target.lanes {
        let choice = Int(choices[start + lane])
        let position = (top + choice / window.size) * source.width + left + choice % window.size
        result[position * source.lanes + lane] += gradient[start + lane]
      }
    }
  }
}
