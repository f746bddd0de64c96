using System.Security.Cryptography;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>
/// Finds servers that lead back to this one, as a machine's resolv.conf that names it does: asks each for a name that nobody else
/// knows, as CoreDNS' plugin loop does, and sees whether this server is asked for it.
/// </summary>
internal sealed class LoopProbe(Forwarder forwarder, ILogger log)
{
    private readonly byte[][] _names = [.. forwarder.Upstreams.Select(_ => DnsName.Parse($"{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}.loop-probe.fairlead")!)];

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
                    ForwardLog.Loop(log, forwarder.Upstreams[i].Address);
                }
                forwarder.Upstreams[i].IsLoop = true;
                return true;
            }
        }
        return false;
    }

    internal Task RunAsync(CancellationToken cancel) => Task.WhenAll(forwarder.Upstreams.Select((upstream, i) => AskAsync(upstream, _names[i], cancel)));

    private static async Task AskAsync(Upstream upstream, byte[] name, CancellationToken cancel)
    {
        byte[] message = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. name, 0, (byte)RecordType.Hinfo, 0, 1];
        var query = default(Query);
        query.Parse(message);
        byte[] sent = UpstreamQuery.Create(query, message);
        try
        {
            await upstream.AskAsync(sent, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}
