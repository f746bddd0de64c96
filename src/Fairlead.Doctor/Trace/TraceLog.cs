namespace Fairlead.Doctor.Trace;

/// <summary>What a trace has found so far.</summary>
internal sealed class TraceLog
{
    internal List<PathStep> Steps { get; } = [];

    internal List<Finding> Findings { get; } = [];

    internal void Step(string name, string text, TimeSpan? took = null) => Steps.Add(new PathStep(name, text, took));
}
