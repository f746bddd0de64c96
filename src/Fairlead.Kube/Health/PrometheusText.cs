using System.Globalization;
using System.Text;

namespace Fairlead.Kube.Health;

/// <summary>
/// Writes Prometheus' text exposition format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
/// Labels are given as they are written between the braces, their values through <see cref="Label"/> where they are not known
/// to be plain.
/// </summary>
public sealed class PrometheusText
{
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    /// <summary>Begins a metric; all its samples follow.</summary>
    /// <param name="type">counter, gauge or histogram.</param>
    public void Metric(string name, string type, string help) =>
        _text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    public void Sample(string name, string labels, double value) =>
        _text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length == 0 ? "" : $"{{{labels}}}")} {value}\n");

    /// <summary>A sample that was taken at a moment of its own, which a scraper then keeps it under.</summary>
    public void Sample(string name, string labels, double value, DateTimeOffset at) =>
        _text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length == 0 ? "" : $"{{{labels}}}")} {value} {at.ToUnixTimeMilliseconds()}\n");

    /// <summary>The samples of one histogram, in seconds.</summary>
    public void Histogram(string name, string labels, LatencySnapshot snapshot)
    {
        string before = labels.Length == 0 ? "" : labels + ",";
        for (int index = 0; index < snapshot.Bounds.Count; index++)
        {
            Sample($"{name}_bucket", string.Create(CultureInfo.InvariantCulture, $"{before}le=\"{snapshot.Bounds[index]}\""), snapshot.Counts[index]);
        }
        Sample($"{name}_bucket", $"{before}le=\"+Inf\"", snapshot.Count);
        Sample($"{name}_sum", labels, snapshot.SumSeconds);
        Sample($"{name}_count", labels, snapshot.Count);
    }

    /// <summary>What Prometheus' clients tell of every process.</summary>
    public void Process()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        Metric("process_cpu_seconds_total", "counter", "Processor time of this process, in seconds.");
        Sample("process_cpu_seconds_total", "", Environment.CpuUsage.TotalTime.TotalSeconds);
        Metric("process_resident_memory_bytes", "gauge", "Resident memory, in bytes.");
        Sample("process_resident_memory_bytes", "", Environment.WorkingSet);
        Metric("process_start_time_seconds", "gauge", "Start of the process, in seconds since 1970.");
        Sample("process_start_time_seconds", "", new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1000.0);
    }

    /// <summary>A label's value with what would end it escaped.</summary>
    public static string Label(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    public override string ToString() => _text.ToString();
}
