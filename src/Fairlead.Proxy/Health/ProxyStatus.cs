using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fairlead.Kube.Health;

namespace Fairlead.Proxy.Health;

/// <summary>How the proxy is doing; what its health and metrics endpoints tell. Thread-safe.</summary>
public sealed class ProxyStatus(TimeProvider time)
{
    /// <summary>A change that waits longer than this for the kernel makes the proxy unhealthy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    // The plus sign of the times stays as it is; nothing here ends up in a page.
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Lock _lock = new();
    private DateTimeOffset? _lastUpdated;
    private long _refusals;
    private DateTimeOffset? _pendingSince;

    /// <summary>From the change of an endpoint (endpoints.kubernetes.io/last-change-trigger-time) to the kernel: network_programming_duration_seconds.</summary>
    public LatencyHistogram NetworkProgramming { get; } = new();

    /// <summary>Duration of one round, from keys to kernel: sync_proxy_rules_duration_seconds.</summary>
    public LatencyHistogram Sync { get; } = new();

    /// <summary>When the kernel last held everything that was known; null before the first time.</summary>
    public DateTimeOffset? LastUpdated
    {
        get
        {
            lock (_lock)
            {
                return _lastUpdated;
            }
        }
    }

    /// <summary>Nothing has waited for longer than <see cref="Patience"/>, and the first sync is done.</summary>
    public bool IsHealthy
    {
        get
        {
            lock (_lock)
            {
                return _lastUpdated is not null && (_pendingSince is not { } since || time.GetUtcNow() - since < Patience);
            }
        }
    }

    /// <summary>The body of /healthz and /livez, as kube-proxy's.</summary>
    public ReadOnlyMemory<byte> HealthJson()
    {
        var body = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(body, s_json))
        {
            writer.WriteStartObject();
            writer.WriteString("lastUpdated", Text(LastUpdated ?? default));
            writer.WriteString("currentTime", Text(time.GetUtcNow()));
            writer.WriteBoolean("nodeEligible", true);
            writer.WriteEndObject();
        }
        return body.WrittenMemory;
    }

    /// <summary>How often a service was left out because the kernel refused it.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    internal void Refused() => Interlocked.Increment(ref _refusals);

    internal void Pending()
    {
        lock (_lock)
        {
            _pendingSince ??= time.GetUtcNow();
        }
    }

    internal void Updated()
    {
        lock (_lock)
        {
            _lastUpdated = time.GetUtcNow();
            _pendingSince = null;
        }
    }

    private static string Text(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fffffff '+0000 UTC'", CultureInfo.InvariantCulture);
}
