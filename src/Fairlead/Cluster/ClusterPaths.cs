using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>Where a cluster of this machine keeps what, and how its links are called. All follows from its name.</summary>
internal sealed record ClusterPaths
{
    public const string DefaultName = "fairlead";
    private const string DataRoot = "/var/lib/fairlead";
    private const string RunRoot = "/run/fairlead";
    private const int LongestLinkName = 15;

    public ClusterPaths(string name)
    {
        if (name.Length is 0 or > 40 || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || name[0] == '-' || name[^1] == '-')
            throw new UserException($"\"{name}\" cannot name a cluster: use lower case letters, digits and '-', at most 40, for example --name dev");
        Name = name;
    }

    public string Name { get; }

    /// <summary>What outlives a restart of the machine: certificates, store, pods.</summary>
    public string Data => $"{DataRoot}/{Name}";

    /// <summary>What does not: namespaces, process ids.</summary>
    public string Run => $"{RunRoot}/{Name}";

    public string Pki => $"{Data}/pki";
    public string Store => $"{Data}/store.db";
    public string Logs => $"{Data}/log";
    public string State => $"{Data}/cluster.json";

    /// <summary>Kubeconfig of the administrator.</summary>
    public string AdminKubeconfig => $"{Data}/admin.kubeconfig";

    /// <summary>Kubeconfig of the ingress, which may read Secrets that a node may not.</summary>
    public string IngressKubeconfig => $"{Pki}/ingress.kubeconfig";

    public string NodeKubeconfig(string node) => $"{Data}/pki/{node}.kubeconfig";

    public string NodeNamespace(string node) => $"{Run}/netns/{node}";

    /// <summary>The bridge on the host that joins the nodes.</summary>
    public string Bridge => Name.Length + 3 <= LongestLinkName ? $"fl-{Name}" : $"fl-{Hash(8)}";

    /// <summary>The host's end of a node's link.</summary>
    public string NodeLink(int index) => string.Create(CultureInfo.InvariantCulture, $"fl{Hash(8)}-{index}");

    /// <summary>The name of the context in kubeconfig.</summary>
    public string Context => Name == DefaultName ? DefaultName : $"fairlead-{Name}";

    /// <summary>What names it to a command, with a blank before it; empty for the one that needs no name.</summary>
    public string NameOption => Name == DefaultName ? "" : $" --name {Name}";

    /// <summary>Names of all clusters that this machine knows.</summary>
    public static IEnumerable<string> All() =>
        Directory.Exists(DataRoot) ? Directory.EnumerateDirectories(DataRoot).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal) : [];

    private string Hash(int length) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Name)))[..length];
}
