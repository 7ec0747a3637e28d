// Values of the command line that schedules are made of: lengths, lists, units and shapes.

import ArgumentParser
import Training

/// `500` steps, `2e` epochs, or `5%` of the run.
struct WarmupLength: ExpressibleByArgument {
  let length: Warmup.Length

  init?(argument: String) {
    if let steps = Int(argument), (0...largestCount).contains(steps) {
      length = .steps(steps)
    } else if argument.hasSuffix("e"), let epochs = Double(argument.dropLast()), (0...1e6).contains(epochs) {
      length = .epochs(epochs)
    } else if argument.hasSuffix("%"), let share = Double(argument.dropLast()), (0...100).contains(share) {
      length = .share(share / 100)
    } else {
      return nil
    }
  }
}

/// Whole numbers of 1…``largestCount``, separated by commas.
struct Milestones: ExpressibleByArgument {
  let values: [Int]

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard numbers.allSatisfy({ (1...largestCount).contains($0) }) else { return nil }
    values = numbers
  }
}

struct ScheduleUnit: ExpressibleByArgument, Equatable {
  let unit: Schedule.Unit

  init(unit: Schedule.Unit) { self.unit = unit }

  init?(argument: String) {
    guard let unit = Schedule.Unit(rawValue: argument) else { return nil }
    self.unit = unit
  }

  static var allValueStrings: [String] { Schedule.Unit.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

struct DecayShape: ExpressibleByArgument {
  let shape: StableDecay.Shape

  init?(argument: String) {
    guard let shape = StableDecay.Shape(rawValue: argument) else { return nil }
    self.shape = shape
  }

  static var allValueStrings: [String] { StableDecay.Shape.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

struct MonitorName: ExpressibleByArgument {
  let monitor: Monitor

  init(monitor: Monitor) { self.monitor = monitor }

  init?(argument: String) {
    guard let monitor = Monitor(rawValue: argument) else { return nil }
    self.monitor = monitor
  }

  static var allValueStrings: [String] { Monitor.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { monitor.rawValue }
}

/// A time: `90s`, `30m`, `1h30m`, or plain seconds; above 0, and ``largestCount`` seconds at most.
struct TimeSpan: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    if let plain = Double(argument), plain > 0, plain <= Double(largestCount) {
      seconds = plain
      return
    }
    var total = 0.0
    var number = ""
    // Each unit once, the larger first.
    var units: [(Character, Double)] = [("h", 3600), ("m", 60), ("s", 1)]
    for character in argument {
      if character.isASCII, character.isNumber || character == "." {
        number.append(character)
      } else {
        guard let place = units.firstIndex(where: { $0.0 == character }), let value = Double(number) else {
          return nil
        }
        total += value * units[place].1
        units.removeFirst(place + 1)
        number = ""
      }
    }
    guard number.isEmpty, total > 0, total <= Double(largestCount) else { return nil }
    seconds = total
  }
}
