// Several sinks as one.

/// Passes each event on to all of its sinks, in order.
public final class EventSinks: EventSink {
  private let sinks: [any EventSink]

  public init(_ sinks: [any EventSink]) {
    self.sinks = sinks
  }

  public func receive(_ event: TrainingEvent) {
    for sink in sinks { sink.receive(event) }
  }
}
