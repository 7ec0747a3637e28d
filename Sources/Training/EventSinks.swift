// Several sinks as one.

/// Passes each event on to all of its sinks, in order.
public final class EventSinks: EventSink {
  private var sinks: [any EventSink]

  public init(_ sinks: [any EventSink]) {
    self.sinks = sinks
  }

  /// Adds one that hears what happens from now on.
  public func add(_ sink: any EventSink) { sinks.append(sink) }

  public func receive(_ event: TrainingEvent) {
    for sink in sinks { sink.receive(event) }
  }
}
