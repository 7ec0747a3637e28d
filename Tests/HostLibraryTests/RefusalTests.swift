// What the library refuses: with a status and a message that names the thing, and nothing has changed.

import COptPlugHost
import OptimizerHost
import TestSupport
import Testing

@Suite struct RefusalTests {
  private func opening(_ change: (inout optplug_host_options, Arena) -> Void) -> Failure? {
    let tensor = line()
    var options = Options("adam", [tensor])
    change(&options.raw, options.arena)
    defer { withExtendedLifetime(tensor) {} }
    do {
      Library.close(try options.open())
      return nil
    } catch { return error }
  }

  /// With one parameter, changed.
  private func parameter(_ change: (inout optplug_host_parameter, Arena) -> Void) -> Failure? {
    let tensor = line()
    defer { withExtendedLifetime(tensor) {} }
    return opening { options, arena in
      var parameter = Options.parameter(tensor, arena)
      change(&parameter, arena)
      options.parameters = arena.span([parameter])
    }
  }

  private func expect(_ failure: Failure?, _ status: Int32, _ words: String, line: Int = #line) {
    #expect(
      failure?.status == status && failure?.message.contains(words) == true, "line \(line): \(failure as Any)"
    )
  }

  @Test func theControlsAreAccepted() {
    #expect(opening { _, _ in } == nil)
    #expect(parameter { _, _ in } == nil)
  }

  @Test func options() {
    let invalid = OPTPLUG_INVALID_ARGUMENT
    expect(refusal { Library.open(nil, nil, $0) }, invalid, "no room")
    var optimizer = OpaquePointer(bitPattern: 8)
    expect(refusal { Library.open(nil, &optimizer, $0) }, invalid, "options")
    #expect(optimizer == nil)
    expect(opening { options, _ in options.struct_size = 0 }, invalid, "struct_size")
    expect(opening { options, _ in options.struct_size -= 1 }, invalid, "struct_size")
    expect(opening { options, _ in options.expression = nil }, invalid, "no expression")
    expect(
      opening { $0.expression = UnsafePointer($1.array([CChar(bitPattern: 0xFF), 0])) }, invalid, "UTF-8")
    expect(opening { $0.expression = $1.text("") }, invalid, "expression")
    expect(opening { $0.expression = $1.text("adam(lr=") }, invalid, "character")
    expect(opening { $0.expression = $1.text("adam(sgd)") }, invalid, "wraps no other")
    expect(opening { $0.expression = $1.text("adam(lrr=1)") }, invalid, "Did you mean 'lr'")
    expect(opening { $0.expression = $1.text("adam(lr=-1)") }, invalid, "≥ 0")
    expect(opening { $0.expression = $1.text("adma") }, OPTPLUG_NOT_FOUND, "Did you mean 'adam'")
    expect(opening { $0.expression = $1.text("./none.so") }, OPTPLUG_FAILED_PRECONDITION, "no such file")
    expect(
      opening { $0.expression = $1.text(Repository.file("README.md").path) }, OPTPLUG_FAILED_PRECONDITION,
      "README")
    expect(opening { options, _ in options.parameters.data = nil }, invalid, "optplug_host_parameter")
    expect(opening { options, _ in options.parameters.stride = 40 }, invalid, "40 bytes")
    expect(opening { options, _ in options.parameters.stride = 52 }, invalid, "52 bytes")
    expect(opening { options, _ in options.group_count = 1 << 24 }, invalid, "groups")
  }

  @Test func settings() {
    func setting(_ group: UInt32, _ name: String?, _ value: String?, size: UInt32? = nil) -> Failure? {
      opening { options, arena in
        options.settings = arena.span([
          optplug_host_setting(
            struct_size: size ?? options.settings.stride, group: group, name: name.map(arena.text),
            value: value.map(arena.text))
        ])
      }
    }
    let invalid = OPTPLUG_INVALID_ARGUMENT
    #expect(setting(0, "lr", "1e-3", size: 24) == nil)
    expect(setting(0, "lr", "1e-3", size: 0), invalid, "struct_size")
    expect(setting(1, "lr", "1e-3", size: 24), invalid, "no group 1")
    expect(setting(0, nil, "1e-3", size: 24), invalid, "no name")
    expect(setting(0, "lr", nil, size: 24), invalid, "no value")
    expect(setting(0, "momentum", "1", size: 24), invalid, "'momentum'")
    expect(setting(0, "lr", "fast", size: 24), invalid, "'fast'")
    expect(setting(0, "lr", "-1", size: 24), invalid, "'lr'")
  }

  @Test func parameters() {
    let invalid = OPTPLUG_INVALID_ARGUMENT
    expect(parameter { parameter, _ in parameter.struct_size = 0 }, invalid, "struct_size")
    expect(parameter { parameter, _ in parameter.struct_size = 47 }, invalid, "47")
    expect(parameter { parameter, _ in parameter.group = 1 }, invalid, "group 1")
    expect(parameter { parameter, _ in parameter.name = nil }, invalid, "no name")
    expect(parameter { $0.name = $1.text("") }, invalid, "name")
    expect(parameter { $0.name = $1.text("a/b") }, invalid, "a/b")
    expect(parameter { $0.name = $1.text("optimizer") }, invalid, "optimizer")
    expect(parameter { parameter, _ in parameter.data = nil }, invalid, "'w' has no data")
    expect(parameter { parameter, _ in parameter.shape = nil }, invalid, "without a shape")
    expect(parameter { parameter, _ in parameter.ndim = 65 }, invalid, "65 axes")
    expect(parameter { $0.shape = UnsafePointer($1.array([3, -4])) }, invalid, "[3, -4]")
    expect(parameter { $0.shape = UnsafePointer($1.array([1 << 40, 1 << 40])) }, invalid, "'w'")
    for dtype in [(2, 8, 1), (0, 32, 1), (0, 8, 1), (2, 32, 2), (9, 32, 1), (0, 0, 0), (2, 128, 1)] {
      let failure = parameter { parameter, arena in
        parameter.dtype = optplug_dtype(code: UInt8(dtype.0), bits: UInt8(dtype.1), lanes: UInt16(dtype.2))
        // Nothing may be copied by a size that is not the type's.
        parameter.strides = UnsafePointer(arena.array([1, 3]))
      }
      expect(failure, invalid, "dtype")
    }
    for strides: [Int64] in [
      [0, 1], [1, 1], [3, 1], [1, 2], [-4, 1], [4, -1], [1 << 62, 1], [.max, .max], [1, .max],
    ] {
      expect(parameter { $0.strides = UnsafePointer($1.array(strides)) }, invalid, "'w' has the strides")
    }
    let twice = opening { options, arena in
      let parameter = options.parameters.elements(as: optplug_host_parameter.self)[0]
      options.parameters = arena.span([parameter, parameter])
    }
    expect(twice, invalid, "two are named 'w'")
  }

  /// A copy that no memory could hold; nothing of the tensor is read before there is room for it.
  @Test func noMemoryForACopy() {
    let failure = parameter { parameter, arena in
      parameter.ndim = 1
      parameter.shape = UnsafePointer(arena.array([Int64(1) << 50]))
      parameter.strides = UnsafePointer(arena.array([Int64(2)]))
    }
    expect(failure, OPTPLUG_RESOURCE_EXHAUSTED, "no memory for a copy of 'w'")
  }

  @Test func nullIsRefusedEverywhere() throws {
    Library.close(nil)
    var (size, value, index): (UInt64, Double, UInt32) = (0, 0, 0)
    var view = optplug_host_view()
    view.struct_size = 72
    var arguments = optplug_host_step_arguments()
    arguments.struct_size = 72
    var bytes: [UInt8] = [0]
    let withoutOptimizer: [Failure?] = [
      refusal { Library.look(nil, &view, $0) }, refusal { Library.get(nil, 0, 0, &value, $0) },
      refusal { Library.set(nil, 0, 0, 1, $0) }, refusal { Library.find(nil, "lr", &index, $0) },
      refusal { Library.step(nil, &arguments, $0) }, refusal { Library.enterEvaluation(nil, $0) },
      refusal { Library.leaveEvaluation(nil, $0) }, refusal { Library.move(nil, 0, &bytes, $0) },
      refusal { Library.moveState(nil, 0, &bytes, $0) }, refusal { Library.save(nil, &bytes, 1, &size, $0) },
      refusal { Library.restore(nil, bytes, 1, $0) }, refusal { Library.reset(nil, 0, $0) },
      refusal { Library.stateChanged(nil, 0, $0) },
    ]
    for (i, failure) in withoutOptimizer.enumerated() {
      #expect(
        failure?.status == OPTPLUG_INVALID_ARGUMENT && failure?.message == "the optimizer is NULL", "\(i)")
    }
    let trainer = try Trainer("adam", [line()])
    let optimizer = trainer.optimizer
    let invalid = OPTPLUG_INVALID_ARGUMENT
    expect(refusal { Library.look(optimizer, nil, $0) }, invalid, "view is NULL")
    expect(refusal { Library.get(optimizer, 0, 0, nil, $0) }, invalid, "no room")
    expect(refusal { Library.find(optimizer, nil, &index, $0) }, invalid, "NULL")
    expect(refusal { Library.find(optimizer, "lr", nil, $0) }, invalid, "no room")
    expect(refusal { Library.step(optimizer, nil, $0) }, invalid, "NULL")
    expect(refusal { Library.step(optimizer, &arguments, $0) }, invalid, "no gradients")
    expect(refusal { Library.describe(nil, nil, nil, nil, 0, nil, $0) }, invalid, "no room for the size")
    view.struct_size = 71
    expect(refusal { Library.look(optimizer, &view, $0) }, invalid, "struct_size")
    arguments.struct_size = 0
    expect(refusal { Library.step(optimizer, &arguments, $0) }, invalid, "struct_size")
    // And without anyone to tell.
    #expect(Library.open(nil, nil, nil) == invalid && Library.step(optimizer, nil, nil) == invalid)
  }

  @Test func hyperparameters() throws {
    let trainer = try Trainer("lookahead(sgd)", [line()])
    let optimizer = trainer.optimizer
    let invalid = OPTPLUG_INVALID_ARGUMENT
    var (index, value): (UInt32, Double) = (7, 7)
    expect(refusal { Library.find(optimizer, "lrr", &index, $0) }, invalid, "Did you mean")
    expect(refusal { Library.find(optimizer, "", &index, $0) }, invalid, "''")
    #expect(index == 7)
    expect(refusal { Library.get(optimizer, 999, 0, &value, $0) }, invalid, "no hyperparameter 999")
    expect(refusal { Library.get(optimizer, 0, 1, &value, $0) }, invalid, "no group 1")
    #expect(value == 7)
    try call { Library.find(optimizer, "lr", &index, $0) }
    let before = try trainer.value("lr")
    expect(refusal { Library.set(optimizer, index, 1, 0.5, $0) }, invalid, "no group 1")
    for wrong in [-1, .nan, .infinity] {
      expect(refusal { Library.set(optimizer, index, 0, wrong, $0) }, invalid, "base.lr")
    }
    #expect(try trainer.value("lr") == before)
    expect(refusal { Library.set(optimizer, 999, 0, 1, $0) }, invalid, "999")
    try trainer.set("lr", to: 0.75)
    #expect(try trainer.value("base.lr") == 0.75)
    // Whether there is a momentum decides which state exists.
    #expect(throws: Failure.self) { try trainer.set("base.momentum", to: 0.5) }
  }
}
