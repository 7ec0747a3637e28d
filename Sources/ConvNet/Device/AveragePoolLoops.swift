// The inner loops of average pooling, on vectors of eight channels where the layout has them.

/// Pools one plane `[row][column][lane]`: sums of each window over the window's whole area, as padding counts as zeros.
func averagePoolPlane(
  _ input: UnsafePointer<Float>, _ source: BlockedImages, _ output: UnsafeMutablePointer<Float>,
  _ target: BlockedImages, _ window: Window
) {
  let scale = 1 / Float(window.size * window.size)
  for row in 0..<target.height {
    let (top, rows) = window.extent(row, within: source.height)
    for column in 0..<target.width {
      let (left, columns) = window.extent(column, within: source.width)
      let start = (row * target.width + column) * target.lanes
      let corner = (top * source.width + left) * source.lanes
      var lane = 0
      while lane + 8 <= source.lanes {
        var sum = SIMD8<Float>(repeating: 0)
        for windowRow in rows {
          for windowColumn in columns {
            let offset = corner + (windowRow * source.width + windowColumn) * source.lanes + lane
            sum += UnsafeRawPointer(input + offset).loadUnaligned(as: SIMD8<Float>.self)
          }
        }
        UnsafeMutableRawPointer(output + start + lane).storeBytes(of: sum * scale, as: SIMD8<Float>.self)
        lane += 8
      }
      while lane < source.lanes {
        var sum: Float = 0
        for windowRow in rows {
          for windowColumn in columns {
            sum += input[corner + (windowRow * source.width + windowColumn) * source.lanes + lane]
          }
        }
        output[start + lane] = sum * scale
        lane += 1
      }
    }
  }
}

/// Gives each input of a window its share of the output's gradient; windows may overlap.
func averagePoolPlaneBackward(
  _ gradient: UnsafePointer<Float>, _ target: BlockedImages, _ result: UnsafeMutablePointer<Float>,
  _ source: BlockedImages, _ window: Window
) {
  let scale = 1 / Float(window.size * window.size)
  result.update(repeating: 0, count: source.plane)
  for row in 0..<target.height {
    let (top, rows) = window.extent(row, within: source.height)
    for column in 0..<target.width {
      let (left, columns) = window.extent(column, within: source.width)
      let slopes = gradient + (row * target.width + column) * target.lanes
      let corner = (top * source.width + left) * source.lanes
      for windowRow in rows {
        for windowColumn in columns {
          let sums = result + corner + (windowRow * source.width + windowColumn) * source.lanes
          for lane in 0..<target.lanes { sums[lane] += slopes[lane] * scale }
        }
      }
    }
  }
}
