using System.Globalization;

namespace Fairlead.Doctor.Report;

/// <summary>A diagnosis for people.</summary>
/// <param name="colours">Whether to mark lines with colours, as on a terminal.</param>
/// <param name="asTyped">Turns commands of this program, written as <c>fairlead status</c>, into what the user types.</param>
public sealed class TextReport(TextWriter output, bool colours, Func<string, string> asTyped)
{
    private const int NameWidth = 12, TextWidth = 86;

    /// <summary>The path and every finding.</summary>
    /// <param name="healthy">The last line's word when nothing was found.</param>
    public void Write(Diagnosis diagnosis, string healthy = "healthy")
    {
        output.WriteLine($"{diagnosis.Subject}   {diagnosis.Summary}   namespace {diagnosis.Namespace}");
        foreach (var step in diagnosis.Path) output.WriteLine(Line(step));
        foreach (var missing in diagnosis.NotLooked) output.WriteLine($"  - {missing}");
        output.WriteLine();
        foreach (var finding in diagnosis.Findings) WriteFinding(finding);
        var count = diagnosis.Findings.Count(finding => finding.Severity != Severity.Hint);
        output.WriteLine(count == 0 ? Paint("32", $"✓ {healthy}") : Paint("31", $"✗ {count} finding{(count == 1 ? "" : "s")}"));
    }

    /// <summary>A line a service, and under it what is wrong with it alone; what is wrong with many, such as a node, stands once at the end.</summary>
    public void WriteShort(IReadOnlyList<Diagnosis> all)
    {
        var counts = all.SelectMany(Faults).CountBy(finding => (finding.About, finding.What)).ToDictionary();
        foreach (var diagnosis in all)
        {
            output.WriteLine($"{(diagnosis.IsHealthy ? Paint("32", "✓") : Paint("31", "✗"))} {diagnosis.Namespace}/{diagnosis.Subject[4..]}   {diagnosis.Summary}");
            foreach (var finding in Faults(diagnosis).Where(finding => counts[(finding.About, finding.What)] == 1)) output.WriteLine($"    {finding.About}: {finding.What}");
        }
        foreach (var (fault, count) in counts.Where(pair => pair.Value > 1)) output.WriteLine($"{Paint("31", "✗")} {fault.About}: {fault.What} (tells on {count} services)");
        foreach (var missing in all.SelectMany(diagnosis => diagnosis.NotLooked).Distinct()) output.WriteLine($"- {missing}");
        var ill = all.Count(diagnosis => !diagnosis.IsHealthy);
        output.WriteLine(ill == 0 ? $"{all.Count} healthy" : asTyped($"{all.Count - ill} healthy, {ill} not; `fairlead doctor svc/NAME -n NAMESPACE` tells more"));
    }

    private static IEnumerable<Finding> Faults(Diagnosis diagnosis) => diagnosis.Findings.Where(finding => finding.Severity != Severity.Hint);

    private void WriteFinding(Finding finding)
    {
        var (mark, colour) = finding.Severity switch { Severity.Problem => ("✗", "31"), Severity.Warning => ("!", "33"), _ => ("·", "36") };
        output.WriteLine($"{Paint(colour, mark)} {finding.About}: {finding.What}  [{finding.Code}]");
        output.WriteLine($"    known by  {finding.How}");
        output.WriteLine($"    mend      {asTyped(finding.Mend)}");
        output.WriteLine();
    }

    internal static string Line(PathStep step)
    {
        var text = $"  {step.Name.PadRight(NameWidth)}{step.Text}";
        return step.Took is { } took ? $"{text.PadRight(TextWidth)} {Milliseconds(took)}" : text;
    }

    private static string Milliseconds(TimeSpan took) => string.Create(CultureInfo.InvariantCulture, $"{took.TotalMilliseconds:F1} ms");

    private string Paint(string colour, string text) => colours ? $"\e[{colour}m{text}\e[0m" : text;
}
