// Messages of plugins reach whoever wants them, with their level.

import COptPlug
import TestSupport
import Testing

@testable import OptimizerHost

@Suite(.serialized) struct PluginMessagesTests {
  /// Runs `body` and answers the messages of `sender` in that time; other tests' plugins may write too.
  private func messages(of sender: String, _ body: () throws -> Void) rethrows -> [String] {
    let received = Locked<[String]>([])
    PluginMessages.setReceiver { level, text in
      if text.contains(sender) { received.withLock { $0.append("\(level): \(text)") } }
    }
    defer { PluginMessages.setReceiver(nil) }
    try body()
    return received.withLock { $0 }
  }

  @Test func deliveredToTheReceiver() throws {
    let table = try #require(hostInterface.pointee.get_extension?(hostInterface, OPTPLUG_EXTENSION_LOG))
      .assumingMemoryBound(to: optplug_log.self)
    let delivered = messages(of: "#") {
      for (level, text) in [
        (OPTPLUG_LOG_DEBUG, "#a"), (OPTPLUG_LOG_INFO, "#b"), (OPTPLUG_LOG_WARNING, "#ç"),
        (OPTPLUG_LOG_ERROR, "#"),
        (99, "# unknown levels are errors"),
      ] {
        table.pointee.write(hostInterface, level, text)
      }
      table.pointee.write(hostInterface, OPTPLUG_LOG_INFO, nil)
    }
    table.pointee.write(hostInterface, OPTPLUG_LOG_INFO, "# dropped")
    #expect(
      delivered == ["debug: #a", "info: #b", "warning: #ç", "error: #", "error: # unknown levels are errors"])
  }

  @Test func aStrangersMessage() throws {
    let path = try CPlugin.compile(source: Repository.file("Tests/PluginTests/Foreign/services.c")).path
    let found = try messages(of: "stranger") { _ = try Training<Float>(path, start: 1) }
    #expect(found == ["warning: a stranger has been made"])
  }

  /// From plugins in Swift: Muon has something to say when there is nothing for it to do.
  @Test func messagesOfTheKit() throws {
    let warnings = try messages(of: "muon") { _ = try Training<Float>("muon(adam)", start: 1) }
    #expect(Set(warnings) == ["warning: muon has no matrix to update: all parameters go to its base"])
    let notes = try messages(of: "tensor_probe") { _ = try Training<Float>("tensor_probe", start: 1) }
    #expect(Set(notes) == ["info: tensor_probe is planned"])
  }

  @Test func anUnknownServiceIsNone() {
    #expect(hostInterface.pointee.get_extension?(hostInterface, "org.example.thing/1") == nil)
    #expect(hostInterface.pointee.get_extension?(hostInterface, nil) == nil)
  }
}
