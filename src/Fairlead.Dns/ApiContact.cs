using Fairlead.Dns.Health;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>
/// Whether the API server answers. Watches do not tell: one that is silent looks the same as one whose other end is gone. While it is
/// away longer than patience allows, readiness falls and says why; names are answered from what is known all the same.
/// </summary>
internal sealed class ApiContact(KubeClient client, DnsStatus status, Func<TimeSpan> patience, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(5);

    internal async Task RunAsync(CancellationToken cancel)
    {
        long seenAt = time.GetTimestamp();
        while (!cancel.IsCancellationRequested)
        {
            string? failure = await AskAsync(cancel);
            if (cancel.IsCancellationRequested)
            {
                return;
            }
            if (failure is null)
            {
                seenAt = time.GetTimestamp();
            }
            TimeSpan away = time.GetElapsedTime(seenAt);
            bool isAway = failure is not null && away >= patience();
            if (isAway != status.IsApiAway)
            {
                if (isAway)
                {
                    ApiContactLog.Away(log, (long)away.TotalSeconds, failure!);
                }
                else
                {
                    ApiContactLog.Back(log);
                }
            }
            status.SetApi(isAway ? $"the API server has been away for {(long)away.TotalSeconds} s ({failure}); names are answered as it last had them" : null);
            TimeSpan pause = patience() / 4 < s_longestPause ? patience() / 4 : s_longestPause;
            await Task.Delay(pause, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Null when it answers, whatever: also a refusal comes from a server that is there.</summary>
    private async Task<string?> AskAsync(CancellationToken cancel)
    {
        using var enough = new CancellationTokenSource(s_wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, cancel);
        try
        {
            using HttpResponseMessage response = await client.Http.GetAsync("version", either.Token);
            return (int)response.StatusCode >= 500 ? $"it answers {(int)response.StatusCode}" : null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return e is OperationCanceledException ? $"no answer in {s_wait.TotalSeconds} s" : e.Message;
        }
    }
}

internal static partial class ApiContactLog
{
    [LoggerMessage(7010, LogLevel.Warning, "not ready: the API server has been away for {Seconds} s ({Reason}); names are answered as it last had them")]
    internal static partial void Away(ILogger logger, long seconds, string reason);

    [LoggerMessage(7011, LogLevel.Information, "the API server is back; ready")]
    internal static partial void Back(ILogger logger);
}
