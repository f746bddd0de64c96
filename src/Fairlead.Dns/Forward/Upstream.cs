using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>
/// One server to ask, and whether it is up: after failures in a row it is down, and from the first of them on it is probed, beside
/// all others, until it answers.
/// </summary>
internal sealed class Upstream(UpstreamServer server, IExchange exchange, ForwardRule rule, ForwardCounters counters, ILogger log, TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private int _failures;
    private int _isProbing;

    internal UpstreamServer Server { get; } = server;

    /// <summary>It led questions back to this server, and is never asked again.</summary>
    internal bool IsLoop { get; set; }

    internal bool IsDown => rule.FailuresUntilDown > 0 && Volatile.Read(ref _failures) >= rule.FailuresUntilDown;

    /// <summary>Asks. Null when no answer came in time.</summary>
    /// <param name="query">Of <see cref="UpstreamQuery"/>.</param>
    internal async Task<byte[]?> AskAsync(byte[] query, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(rule.AttemptTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            byte[] response = await exchange.AskAsync(query, either.Token);
            Volatile.Write(ref _failures, 0);
            return response;
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            ForwardLog.NoAnswer(log, Server, e is OperationCanceledException ? "no answer in time" : e.Message);
            if (Interlocked.Increment(ref _failures) == rule.FailuresUntilDown)
            {
                ForwardLog.Down(log, Server, e is OperationCanceledException ? "no answer in time" : e.Message);
            }
            StartProbing();
            return null;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        exchange.Dispose();
    }

    private void StartProbing()
    {
        if (rule.FailuresUntilDown > 0 && Interlocked.Exchange(ref _isProbing, 1) == 0)
        {
            _ = ProbeAsync();
        }
    }

    /// <summary>Any answer will do, also a refusal: it is the server that is looked for, not the name.</summary>
    private async Task ProbeAsync()
    {
        bool answered = false;
        while (!answered && Volatile.Read(ref _failures) > 0 && !_stop.IsCancellationRequested)
        {
            await Task.Delay(rule.ProbeInterval, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var patience = new CancellationTokenSource(rule.AttemptTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token);
            try
            {
                await exchange.AskAsync(UpstreamQuery.Probe(), either.Token);
                answered = true;
            }
            catch (Exception e) when (e is SocketException or IOException or AuthenticationException or OperationCanceledException)
            {
                Interlocked.Increment(ref counters.FailedProbes);
            }
        }
        bool wasDown = IsDown;
        Volatile.Write(ref _isProbing, 0);
        if (answered)
        {
            Volatile.Write(ref _failures, 0);
            if (wasDown)
            {
                ForwardLog.Up(log, Server);
            }
        }
    }
}
