using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP.Limits;

/// <summary>
/// The time that a request has, from its arrival to its answer's last byte, as kube-apiserver's --request-timeout: a client that sends
/// its body or takes its answer too slowly holds nothing for longer. What a request waits for, it waits for by its RequestAborted.
/// </summary>
internal sealed class TimeLimit : IDisposable
{
    private readonly HttpContext _context;
    private readonly CancellationToken _gone;
    private readonly CancellationTokenSource _end;
    private readonly CancellationTokenRegistration _registration;

    private TimeLimit(HttpContext context, TimeSpan time, TimeProvider clock)
    {
        (_context, _gone, _end) = (context, context.RequestAborted, new CancellationTokenSource(time, clock));
        _registration = _gone.UnsafeRegister(static end => ((CancellationTokenSource)end!).Cancel(), _end);
        context.RequestAborted = _end.Token;
    }

    /// <summary>Whether it was the time that ran out, and not the client who left.</summary>
    public bool IsOver => _end.IsCancellationRequested && !_gone.IsCancellationRequested;

    public static TimeLimit Set(HttpContext context, TimeSpan time, TimeProvider clock) => new(context, time, clock);

    /// <summary>So that it can be told.</summary>
    public void Lift() => _context.RequestAborted = _gone;

    public void Dispose()
    {
        _registration.Dispose();
        _end.Dispose();
    }
}
