// An optimizer whose tensors are said to lie on a GPU: what may be done with it where there is none.

import COptPlugHost
import TestSupport
import Testing

@Suite struct DeviceTests {
  private func trainer(_ expression: String = "lookahead(adam)", flags: UInt32 = OPTPLUG_HOST_CUDA) throws
    -> Trainer
  {
    let tensor = line()
    var options = Options(expression, [tensor])
    options.raw.flags = flags
    return try Trainer(options, [tensor])
  }

  private func expect(_ status: Int32, _ words: String, line: Int = #line, _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("line \(line): nothing was refused")
    } catch {
      let failure = error as? Failure
      #expect(
        failure?.status == status && failure?.message.contains(words) == true, "line \(line): \(error)")
    }
  }

  /// State of the elements has no place until it is given one; the rest is the host's.
  @Test func theViewSaysWhatNeedsMemory() throws {
    let arrays = try trainer().arrays()
    #expect(arrays.contains { $0.kind == OPTPLUG_HOST_ARRAY_SLOT })
    for array in arrays {
      #expect((array.data == nil) == (array.kind != OPTPLUG_HOST_ARRAY_COUNTER))
    }
    for array in try trainer(flags: 0).arrays() { #expect(array.data != nil) }
  }

  @Test func whatNeedsTheGPUAsksForIt() throws {
    let trainer = try trainer()
    let before = OPTPLUG_FAILED_PRECONDITION
    expect(before, "call optplug_host_use_cuda first") {
      try trainer.step([trainer.tensors[0]])
    }
    expect(before, "call optplug_host_use_cuda first") {
      try call { Library.reset(trainer.optimizer, 0, $0) }
    }
    expect(before, "call optplug_host_use_cuda first") {
      try call { Library.stateChanged(trainer.optimizer, 1, $0) }
    }
    expect(before, "call optplug_host_use_cuda first") {
      try call { Library.moveState(trainer.optimizer, 1, UnsafeMutableRawPointer(bitPattern: 64), $0) }
    }
    try trainer.run(Library.settle)
  }

  @Test func whatTheHostCannotDo() throws {
    let trainer = try trainer()
    let invalid = OPTPLUG_INVALID_ARGUMENT
    expect(invalid, "they lie on a GPU") { _ = try trainer.save() }
    expect(invalid, "they lie on a GPU") { try trainer.run(Library.enterEvaluation) }
    expect(invalid, "not clipped") {
      try trainer.step([trainer.tensors[0]]) { $0.flags = OPTPLUG_HOST_CLIPS }
    }
    expect(invalid, "opened without OPTPLUG_HOST_CUDA") {
      let other = try self.trainer(flags: 0)
      try call { Library.useCUDA(other.optimizer, 0, nil, $0) }
    }
    expect(OPTPLUG_UNIMPLEMENTED, "formula of 'lars'") {
      let other = try self.trainer("lars")
      try call { Library.useCUDA(other.optimizer, 0, nil, $0) }
    }
  }

  @Test func tensorsWithGaps() throws {
    let tensor = line(strides: [8, 1])
    var options = Options("adam", [tensor])
    options.raw.flags = OPTPLUG_HOST_CUDA
    expect(OPTPLUG_INVALID_ARGUMENT, "lies on a GPU and has the strides [8, 1]") {
      _ = try options.open()
    }
  }
}
