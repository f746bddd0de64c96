using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Health;

namespace Fairlead.ApiServer.HTTP.Limits;

/// <summary>
/// How many requests are served at once: so many that read and so many that change, each shared by user. Watches and streams, which last,
/// masters and probes go by uncounted, as in Kubernetes ("API Priority and Fairness", exempt requests).
/// </summary>
/// <param name="readOnly">0: no limit.</param>
/// <param name="mutating">0: no limit.</param>
/// <param name="longest">For a request that does not last: from its arrival to its answer's last byte.</param>
internal sealed class RequestLimits(int readOnly, int mutating, TimeSpan longest, TimeProvider time)
{
    private readonly Pool _reading = new("readOnly", new FairSeats(readOnly, time));
    private readonly Pool _changing = new("mutating", new FairSeats(mutating, time));

    public TimeSpan LongestRequest => longest;

    /// <summary>Waits for a seat where there is none. What it answers is left when the request has been served.</summary>
    /// <exception cref="ApiError">429: the user has too many requests open.</exception>
    public async ValueTask<Stay> EnterAsync(ApiRequest request, User user, CancellationToken cancel)
    {
        if (request.Lasts) return default;
        var pool = request.Reads ? _reading : _changing;
        if (IsExempt(request, user)) return pool.Enter(null);
        var answer = await pool.Seats.TakeAsync(user.Name, cancel);
        if (answer == SeatAnswer.Taken) return pool.Enter(user.Name);
        Interlocked.Increment(ref answer == SeatAnswer.QueueFull ? ref pool.Full : ref pool.TimedOut);
        throw ApiError.TooManyRequests();
    }

    public void Write(PrometheusText text)
    {
        var pools = (Pool[])[_reading, _changing];
        text.Metric("apiserver_current_inflight_requests", "gauge", "Requests being served, long ones left out.");
        foreach (var pool in pools) text.Sample("apiserver_current_inflight_requests", $"request_kind=\"{pool.Name}\"", Volatile.Read(ref pool.Serving));
        text.Metric("apiserver_current_inqueue_requests", "gauge", "Requests that wait for their turn.");
        foreach (var pool in pools) text.Sample("apiserver_current_inqueue_requests", $"request_kind=\"{pool.Name}\"", pool.Seats.Queued);
        text.Metric("apiserver_flowcontrol_rejected_requests_total", "counter", "Requests refused with 429, because their user had too many open.");
        foreach (var pool in pools)
        {
            text.Sample("apiserver_flowcontrol_rejected_requests_total", $"flow_schema=\"by-user\",priority_level=\"{pool.Name}\",reason=\"queue-full\"", Interlocked.Read(ref pool.Full));
            text.Sample("apiserver_flowcontrol_rejected_requests_total", $"flow_schema=\"by-user\",priority_level=\"{pool.Name}\",reason=\"time-out\"", Interlocked.Read(ref pool.TimedOut));
        }
    }

    private static bool IsExempt(ApiRequest request, User user) => user.Groups.Contains(User.Masters) || HealthChecks.IsHealthPath(request);

    /// <summary>A request that is being served.</summary>
    /// <param name="User">Whose seat; null: it needed none.</param>
    internal readonly record struct Stay(Pool? Pool, string? User) : IDisposable
    {
        public void Dispose()
        {
            if (Pool is null) return;
            Interlocked.Decrement(ref Pool.Serving);
            if (User is not null) Pool.Seats.Return(User);
        }
    }

    /// <summary>The requests of one kind.</summary>
    internal sealed class Pool(string name, FairSeats seats)
    {
        public int Serving;
        public long Full, TimedOut;

        public string Name => name;

        public FairSeats Seats => seats;

        public Stay Enter(string? user)
        {
            Interlocked.Increment(ref Serving);
            return new Stay(this, user);
        }
    }
}
