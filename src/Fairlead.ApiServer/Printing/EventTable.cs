using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Events, in the form of the core group, in which they are stored.</summary>
internal static class EventTable
{
    public static readonly TableLayout Layout = new(
    [
        TablePrinter.Text("Last Seen", "Time since the event happened last."),
        TablePrinter.Text("Type", "Normal or Warning."),
        TablePrinter.Text("Reason", "What happened, in a word."),
        TablePrinter.Text("Object", "What it happened to."),
        TablePrinter.Wide("Subobject", "The part of the object that it happened to."),
        TablePrinter.Wide("Source", "Who tells of it, and from where."),
        TablePrinter.Text("Message", "What happened, for people."),
        TablePrinter.Wide("First Seen", "Time since the event happened first."),
        TablePrinter.Wide("Count", "How often it happened."),
        TablePrinter.Wide("Name", "Name of the event.") with { Format = "name" },
    ], Cells);

    private static Cell[] Cells(JsonElement e, DateTimeOffset now)
    {
        var first = e.Time("firstTimestamp") ?? e.Time("eventTime");
        var last = e.Time("lastTimestamp") ?? first;
        var count = Math.Max(1, e.Number("count"));
        if (e.At("series") is { } series)
        {
            last = series.Time("lastObservedTime");
            count = series.Number("count");
        }
        return
        [
            HumanDuration.Since(last, now),
            e.Text("type"),
            e.Text("reason"),
            Target(e),
            About(e).Text("fieldPath"),
            Source(e),
            e.Text("message").Trim(),
            HumanDuration.Since(first, now),
            count,
            e.Name(),
        ];
    }

    private static JsonElement About(JsonElement e) => e.At("involvedObject") ?? default;

    private static string Target(JsonElement e)
    {
        var about = About(e);
        var kind = about.Text("kind").ToLowerInvariant();
        return about.Text("name") is { Length: > 0 } name ? $"{kind}/{name}" : kind;
    }

    private static string Source(JsonElement e)
    {
        var source = e.At("source") ?? default;
        var component = source.Text("component").Or(e.Text("reportingComponent"));
        var instance = source.Text("host").Or(e.Text("reportingInstance"));
        return instance.Length == 0 ? component : $"{component}, {instance}";
    }
}
