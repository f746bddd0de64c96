using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Certificates;

/// <summary>
/// Keeps a certificate of this node good: gets the first, and a new one when 70 to 90 % of its life are over, at a moment by chance so that
/// nodes that joined together do not come together (Kubernetes documentation: "Configure Certificate Rotation for the Kubelet").
/// </summary>
/// <param name="save">Keeps certificate and key, as PEM, for the next start.</param>
public sealed class CertificateRenewal(
    KubeClient client, WantedCertificate wanted, RenewableCertificate certificate, Action<string> save, CertificateRequests requests, ILogger log, TimeProvider time)
{
    private const double Earliest = 0.7, Latest = 0.9;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1), LongestRetry = TimeSpan.FromMinutes(10);

    /// <summary>A request that nobody decides on is given up, and asked anew.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>Timers have an end, certificates may hold longer.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    /// <summary>Until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                if (certificate.Current is { } current) await WaitUntilAsync(Due(current, Random.Shared.NextDouble()), cancel);
                await RenewAsync(cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    /// <param name="chance">From 0 to 1.</param>
    internal static DateTimeOffset Due(X509Certificate2 certificate, double chance)
    {
        DateTimeOffset from = certificate.NotBefore, to = certificate.NotAfter;
        return from + ((to - from) * (Earliest + ((Latest - Earliest) * chance)));
    }

    private async Task WaitUntilAsync(DateTimeOffset due, CancellationToken cancel)
    {
        while (due - time.GetUtcNow() is { Ticks: > 0 } left) await Task.Delay(left < LongestWait ? left : LongestWait, time, cancel);
    }

    private async Task RenewAsync(CancellationToken cancel)
    {
        for (var wait = FirstRetry; ; wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry)
        {
            if (await TryAsync(cancel) is not { } failure) return;
            NodeCertificateLog.NotRenewed(log, wanted.Signer, wanted.Node, failure, wait.TotalSeconds);
            await Task.Delay(wait, time, cancel);
        }
    }

    /// <summary>Answers why it failed, or null.</summary>
    private async Task<string?> TryAsync(CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            var pem = await requests.ObtainAsync(client, wanted, either.Token);
            // First on disk: after this the server may have forgotten the one of before.
            save(pem);
            var renewed = X509Certificate2.CreateFromPem(pem, pem);
            certificate.Replace(renewed);
            NodeCertificateLog.Renewed(log, wanted.Signer, wanted.Node, renewed.NotAfter.ToUniversalTime());
            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"nobody decided within {Patience.TotalMinutes:F0} minutes";
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or CertificateRefusedException or IOException)
        {
            return e.Message;
        }
    }
}

internal static partial class NodeCertificateLog
{
    [LoggerMessage(2401, LogLevel.Information, "certificate of {Signer} for {Node} holds until {End:u}")]
    public static partial void Renewed(ILogger log, string signer, string node, DateTime end);

    [LoggerMessage(2402, LogLevel.Warning, "certificate of {Signer} for {Node} not renewed: {Reason}; trying again in {Seconds} s")]
    public static partial void NotRenewed(ILogger log, string signer, string node, string reason, double seconds);

    [LoggerMessage(2403, LogLevel.Warning, "certificate request {Request} ({Signer}) waits for approval: `kubectl certificate approve {Request}`")]
    public static partial void Waits(ILogger log, string request, string signer);
}
