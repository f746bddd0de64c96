using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>Which questions go to which servers.</summary>
internal sealed class ForwardRoute : IDisposable
{
    private readonly byte[] _domain;
    private readonly byte[][] _except;

    internal ForwardRoute(ForwardRule rule, CacheOptions cache, ILogger log, TimeProvider time)
    {
        _domain = DnsName.Parse(rule.Domain)!;
        _except = [.. rule.Except.Select(domain => DnsName.Parse(domain)!)];
        Forwarder = new Forwarder(rule, cache, log, time);
        Probe = new LoopProbe(Forwarder, _domain, log, time);
        if (Forwarder.Upstreams.Count == 0)
        {
            ForwardLog.NoUpstreams(log, rule.Domain);
        }
    }

    internal Forwarder Forwarder { get; }

    internal LoopProbe Probe { get; }

    internal bool Takes(in Query query)
    {
        if (!query.IsBelow(_domain))
        {
            return false;
        }
        foreach (byte[] domain in _except)
        {
            if (query.IsBelow(domain))
            {
                return false;
            }
        }
        return true;
    }

    public void Dispose() => Forwarder.Dispose();
}
