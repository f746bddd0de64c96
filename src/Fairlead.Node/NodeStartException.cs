namespace Fairlead.Node;

/// <summary>A thing that the agent cannot start without; the message says what to do.</summary>
public sealed class NodeStartException(string message) : Exception(message);
