using System.Security.Cryptography;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>
/// Finds servers that lead back to this one, as a machine's resolv.conf that names it does: asks each for a name that nobody else
/// knows, as CoreDNS' plugin loop does, and sees whether this server is asked for it.
/// </summary>
/// <param name="domain">What is forwarded, in wire form: the names are below it.</param>
internal sealed class LoopProbe(Forwarder forwarder, byte[] domain, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private readonly byte[][] _names =
        [.. forwarder.Upstreams.Select(_ => DnsName.Prepend(domain, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), "loop-probe", "fairlead"))];

    /// <summary>Whether a question is one of the probe's own. Then its server is not asked any more.</summary>
    internal bool Sees(in Query query)
    {
        if (query.Type != RecordType.Hinfo)
        {
            return false;
        }
        for (int i = 0; i < _names.Length; i++)
        {
            if (query.Name.SequenceEqual(_names[i]))
            {
                if (!forwarder.Upstreams[i].IsLoop)
                {
                    ForwardLog.Loop(log, forwarder.Upstreams[i].Server);
                }
                forwarder.Upstreams[i].IsLoop = true;
                return true;
            }
        }
        return false;
    }

    /// <summary>Asks each server until it has answered once.</summary>
    internal Task RunAsync(CancellationToken cancel) => Task.WhenAll(forwarder.Upstreams.Select((upstream, i) => AskAsync(upstream, _names[i], cancel)));

    private async Task AskAsync(Upstream upstream, byte[] name, CancellationToken cancel)
    {
        byte[] message = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. name, 0, (byte)RecordType.Hinfo, 0, 1];
        var query = default(Query);
        query.Parse(message);
        try
        {
            while (await upstream.AskAsync(UpstreamQuery.Create(query, message), cancel) is null && !upstream.IsLoop)
            {
                await Task.Delay(s_pause, time, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}
