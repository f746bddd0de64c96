using System.Text;
using System.Text.Json;

namespace Fairlead.Doctor.Report;

/// <summary>Diagnoses for scripts: <c>{"healthy":…,"diagnoses":[{"subject","namespace","summary","healthy","path":[…],"findings":[…],"notLooked":[…]}]}</c>; times in milliseconds.</summary>
public static class JsonReport
{
    public static string Write(IReadOnlyList<Diagnosis> all)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteBoolean("healthy", all.All(diagnosis => diagnosis.IsHealthy));
            json.WriteStartArray("diagnoses");
            foreach (var diagnosis in all) Write(json, diagnosis);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, Diagnosis diagnosis)
    {
        json.WriteStartObject();
        json.WriteString("subject", diagnosis.Subject);
        json.WriteString("namespace", diagnosis.Namespace);
        json.WriteString("summary", diagnosis.Summary);
        json.WriteBoolean("healthy", diagnosis.IsHealthy);
        json.WriteStartArray("path");
        foreach (var step in diagnosis.Path) Write(json, step);
        json.WriteEndArray();
        json.WriteStartArray("findings");
        foreach (var finding in diagnosis.Findings)
        {
            json.WriteStartObject();
            json.WriteString("severity", finding.Severity switch { Severity.Problem => "problem", Severity.Warning => "warning", _ => "hint" });
            json.WriteString("code", finding.Code);
            json.WriteString("about", finding.About);
            json.WriteString("what", finding.What);
            json.WriteString("how", finding.How);
            json.WriteString("mend", finding.Mend);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("notLooked");
        foreach (var missing in diagnosis.NotLooked) json.WriteStringValue(missing);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter json, PathStep step)
    {
        json.WriteStartObject();
        json.WriteString("step", step.Name);
        json.WriteString("text", step.Text);
        if (step.Took is { } took) json.WriteNumber("milliseconds", Math.Round(took.TotalMilliseconds, 3));
        json.WriteEndObject();
    }
}
