using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Fairlead.LoadBalancer.Bgp.Wire;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>A router that is told of the addresses.</summary>
/// <param name="EndPoint">Where it listens; port 179 unless said.</param>
/// <param name="As">The autonomous system that it must be of.</param>
public sealed record BgpPeer(IPEndPoint EndPoint, uint As)
{
    /// <summary>After so long a silence the other side is taken for dead, and its routes go; what both sides ask for, the shorter counts. Zero: never.</summary>
    public TimeSpan HoldTime { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Signs every segment (TCP MD5, RFC 2385); null: none does.</summary>
    public string? Password { get; init; }

    public override string ToString() => EndPoint.ToString();
}

/// <summary>Settings of a node's BGP speaker.</summary>
/// <param name="LocalAs">The nodes' autonomous system; a peer of the same one is told by internal BGP.</param>
public sealed record BgpOptions(uint LocalAs, IReadOnlyList<BgpPeer> Peers)
{
    private const int DefaultPort = 179;

    // RFC 4271 section 4.2: zero, or at least three seconds.
    private const int LeastHoldSeconds = 3;

    // TCP_MD5SIG_MAXKEYLEN of linux/tcp.h.
    private const int LongestPassword = 80;

    /// <summary>Reads what a user wrote; all that is wrong with it is answered.</summary>
    /// <param name="peers">ADDRESS[:PORT],as=NUMBER[,hold-time=SECONDS][,password-file=FILE] each.</param>
    /// <param name="localAs">Null: not given.</param>
    public static (BgpOptions? Options, IReadOnlyList<string> Errors) Parse(IReadOnlyList<string> peers, string? localAs)
    {
        var errors = new List<string>();
        uint own = 0;
        if (localAs is null) errors.Add("--bgp-as is needed with --bgp-peer: the nodes' own AS number");
        else if (!TryAs(localAs, out own)) errors.Add($"--bgp-as {localAs} is not an AS number (1–4294967295)");
        var read = peers.Select(text => Peer(text, errors)).OfType<BgpPeer>().ToList();
        errors.AddRange(read.GroupBy(peer => peer.EndPoint).Where(same => same.Count() > 1).Select(same => $"--bgp-peer {same.Key} is given more than once"));
        return (errors.Count == 0 ? new BgpOptions(own, read) : null, errors);
    }

    /// <summary>The node's number among speakers: its IPv4 address, or one of its name that hardly another has (RFC 6286).</summary>
    internal static uint Identifier(string node, IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(
        address.AddressFamily == AddressFamily.InterNetwork ? address.GetAddressBytes() : SHA256.HashData(Encoding.UTF8.GetBytes(node)));

    private static BgpPeer? Peer(string text, List<string> errors)
    {
        var before = errors.Count;
        var words = text.Split(',', StringSplitOptions.TrimEntries);
        if (!TryEndPoint(words[0], out var endPoint)) errors.Add($"--bgp-peer {text}: \"{words[0]}\" is not an address, or address:port");
        // Routes over it would need a next hop that others can use (RFC 2545 section 3).
        else if (endPoint!.Address.IsIPv6LinkLocal) errors.Add($"--bgp-peer {text}: a link-local address will not do");
        uint number = 0;
        var (hold, password) = (90, (string?)null);
        foreach (var pair in words.Skip(1).Select(word => word.Split('=', 2)))
        {
            var value = pair.Length == 2 ? pair[1] : "";
            var wrong = pair[0] switch
            {
                "as" => TryAs(value, out number) ? null : "is not an AS number (1–4294967295)",
                "hold-time" => TrySeconds(value, out hold) ? null : $"is not a number of seconds, 0 or {LeastHoldSeconds}–65535",
                "password-file" => Password(value, out password),
                _ => "is not known; there are as, hold-time and password-file",
            };
            if (wrong is not null) errors.Add($"--bgp-peer {text}: \"{string.Join('=', pair)}\" {wrong}");
        }
        if (number == 0 && errors.Count == before) errors.Add($"--bgp-peer {text}: its AS is needed, for example {words[0]},as=64512");
        return errors.Count > before ? null : new BgpPeer(endPoint!, number) { HoldTime = TimeSpan.FromSeconds(hold), Password = password };
    }

    /// <summary>An IPv6 address has brackets where a port follows.</summary>
    private static bool TryEndPoint(string text, out IPEndPoint? endPoint)
    {
        endPoint = null;
        // A number alone would be an address too.
        if (!text.Contains('.') && !text.Contains(':')) return false;
        if (!IPEndPoint.TryParse(text, out var found)) return false;
        var hasPort = found.AddressFamily == AddressFamily.InterNetwork ? text.Contains(':') : text.Contains("]:", StringComparison.Ordinal);
        endPoint = hasPort ? found : new IPEndPoint(found.Address, DefaultPort);
        return endPoint.Port > 0;
    }

    private static bool TryAs(string text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is not (0 or BgpEncoder.TransitionAs);

    private static bool TrySeconds(string text, out int seconds) =>
        int.TryParse(text.EndsWith('s') ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) && seconds is 0 or (>= LeastHoldSeconds and <= ushort.MaxValue);

    private static string? Password(string file, out string? password)
    {
        password = null;
        try
        {
            password = File.ReadAllText(file).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return $"cannot be read: {e.Message}";
        }
        return Encoding.UTF8.GetByteCount(password) is > 0 and <= LongestPassword ? null : $"holds no password of 1–{LongestPassword} bytes";
    }
}
