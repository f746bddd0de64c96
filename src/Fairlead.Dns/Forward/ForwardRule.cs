using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>In which order servers are asked.</summary>
public enum UpstreamPolicy
{
    /// <summary>Beginning with the next one each time.</summary>
    RoundRobin,

    /// <summary>In any order.</summary>
    Random,

    /// <summary>As they are listed.</summary>
    Sequential,
}

/// <summary>Whom to ask for the names of a domain and below, and how.</summary>
public sealed record ForwardRule
{
    /// <summary>The domain; "." is every name.</summary>
    public string Domain { get; init; } = ".";

    /// <summary>Domains below it that this rule is not for.</summary>
    public IReadOnlyList<string> Except { get; init; } = [];

    public IReadOnlyList<UpstreamServer> Servers { get; init; } = [];

    /// <summary>Files as resolv.conf(5), read at the start, whose name servers are asked too.</summary>
    public IReadOnlyList<string> ResolverFiles { get; init; } = [];

    public UpstreamPolicy Policy { get; init; } = UpstreamPolicy.RoundRobin;

    /// <summary>Ask over TCP at once; otherwise over UDP, and over TCP when the answer is truncated (RFC 7766 5).</summary>
    public bool AlwaysTcp { get; init; }

    /// <summary>Questions on their way at most; more get SERVFAIL at once.</summary>
    public int Concurrency { get; init; } = 1000;

    /// <summary>Failures in a row after which a server is down: the last to be asked, until it answers a probe. 0: never.</summary>
    public int FailuresUntilDown { get; init; } = 2;

    /// <summary>Between probes of a server that failed; the servers are probed side by side.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Patience with one server.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A server that has not answered after this has the next one asked beside it.</summary>
    public TimeSpan HedgeDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Patience with one question; pods' resolvers give up after five seconds.</summary>
    public TimeSpan TotalTimeout { get; init; } = TimeSpan.FromMilliseconds(4500);

    /// <summary>How long a connection over TLS is kept without a question.</summary>
    public TimeSpan ConnectionIdle { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What the node resolves by itself.</summary>
    public static ForwardRule OfNode { get; } = new() { ResolverFiles = [ResolverFile.Path] };

    internal void Validate(List<string> errors)
    {
        foreach (string domain in (IEnumerable<string>)[Domain, .. Except])
        {
            if (DnsName.Parse(domain) is null)
            {
                errors.Add($"\"{domain}\" is no domain to forward");
            }
        }
        if (Servers.Count == 0 && ResolverFiles.Count == 0)
        {
            errors.Add($"there is no server to forward {Domain} to");
        }
        if (Concurrency < 1)
        {
            errors.Add("at least one question must be allowed on its way");
        }
    }
}
