namespace Fairlead.Doctor;

public enum Severity
{
    /// <summary>Requests fail.</summary>
    Problem,
    /// <summary>Some requests fail, or will.</summary>
    Warning,
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Hint,
}

/// <summary>Something that the doctor found.</summary>
/// <param name="Code">Stable word for scripts, for example <c>selector-matches-nothing</c>; docs/troubleshooting.md lists them.</param>
/// <param name="About">The object, as kubectl names it: <c>svc/kubia</c>, <c>pod/kubia-x</c>, <c>node/node1</c>.</param>
/// <param name="What">What is wrong.</param>
/// <param name="How">How it is known.</param>
/// <param name="Mend">The command that mends it, or shows what to mend.</param>
public sealed record Finding(Severity Severity, string Code, string About, string What, string How, string Mend);

/// <summary>One step of a request's way as it was found.</summary>
/// <param name="Took">How long the look or the exchange took; null where nothing was measured.</param>
public sealed record PathStep(string Name, string Text, TimeSpan? Took = null);

/// <summary>What there is to say of one object.</summary>
/// <param name="Subject">As kubectl names it, for example <c>svc/kubia</c>.</param>
/// <param name="Path">The way of a request, step by step.</param>
/// <param name="NotLooked">What could not be looked at from here, and why; empty when everything was.</param>
public sealed record Diagnosis(string Subject, string Namespace, string Summary, IReadOnlyList<PathStep> Path, IReadOnlyList<Finding> Findings, IReadOnlyList<string> NotLooked)
{
    public bool IsHealthy => Findings.All(finding => finding.Severity == Severity.Hint);
}
