using System.Net;

namespace Fairlead.Ingress.Routes;

/// <summary>
/// One endpoint of a backend and what is known of it from use. It stays the same object while its address stays, whatever else changes,
/// so that counts and ejections outlive changes of the route table. Any thread.
/// </summary>
internal sealed class Endpoint(string host, int port, string token)
{
    private const double EwmaDecaySeconds = 10;
    private const int LongestEjectionSeconds = 30;
    private int _failures;
    private long _ejectedUntil;
    private int _inFlight;
    private double _ewma;
    private long _ewmaAt;

    /// <summary>Address, or a host name (ExternalName).</summary>
    public string Host { get; } = host;

    public int Port { get; } = port;

    /// <summary>What a client's affinity cookie says for it: a keyed hash of its name.</summary>
    public string Token { get; } = token;

    /// <summary>host:port, an IPv6 address in brackets.</summary>
    public string Authority { get; } = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";

    /// <summary>Null for a host name.</summary>
    public IPEndPoint? Address { get; } = IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : null;

    public int InFlight => Volatile.Read(ref _inFlight);

    public void Begin() => Interlocked.Increment(ref _inFlight);

    public void End() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Lately refused connections; not to be chosen while others are there.</summary>
    public bool IsEjected(TimeProvider time) => Volatile.Read(ref _ejectedUntil) is var until && until != 0 && time.GetTimestamp() < until;

    /// <summary>It could not be reached: ejected for a second, for twice as long each time it fails again.</summary>
    public void Failed(TimeProvider time)
    {
        var seconds = Math.Min(LongestEjectionSeconds, 1 << Math.Min(Interlocked.Increment(ref _failures) - 1, 5));
        Volatile.Write(ref _ejectedUntil, time.GetTimestamp() + (seconds * time.TimestampFrequency));
    }

    public void Succeeded()
    {
        if (Volatile.Read(ref _failures) == 0) return;
        Volatile.Write(ref _failures, 0);
        Volatile.Write(ref _ejectedUntil, 0);
    }

    /// <summary>Moves the weighted average of answer times. Lost updates do no harm.</summary>
    public void Observe(TimeSpan answered, TimeProvider time)
    {
        var now = time.GetTimestamp();
        var weight = Math.Exp(-time.GetElapsedTime(_ewmaAt, now).TotalSeconds / EwmaDecaySeconds);
        _ewma = (_ewma * weight) + (answered.TotalSeconds * (1 - weight));
        _ewmaAt = now;
    }

    /// <summary>Expected cost of another request: less is better.</summary>
    public double Cost => _ewma * (InFlight + 1);
}
