using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Kube.Client;
using Fairlead.Terminal;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Join;

/// <summary>
/// kube-public/cluster-info: a kubeconfig without a user, which anybody may read (Kubernetes documentation: "kubeadm join", section
/// "Discovering what cluster CA to trust"). It is believed because the authority in it has the fingerprint that was given.
/// </summary>
internal static class ClusterInfo
{
    public const string Namespace = "kube-public", Name = "cluster-info";
    private const string Key = "kubeconfig";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static Dictionary<string, string> ToData(Uri server, string authorityPem) => new()
    {
        [Key] = $"""
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(authorityPem))}
                server: {server.GetLeftPart(UriPartial.Authority)}
              name: ""
            contexts: null
            current-context: ""
            kind: Config
            preferences: {"{}"}
            users: null

            """,
    };

    /// <summary>Fetches the authority's certificate from a server that is not trusted yet, and checks it against the fingerprint.</summary>
    /// <exception cref="UserException">The server is out of reach, says nothing of itself, or is another.</exception>
    public static async Task<X509Certificate2> FetchAsync(Uri server, string pin, TimeProvider time, CancellationToken cancel)
    {
        var data = await ReadAsync(server, time, cancel);
        var authorities = Authorities(data) ?? throw new UserException($"what {Show(server)} publishes in ConfigMap {Namespace}/{Name} is no kubeconfig with an authority; restart its `fairlead server`, which writes it");
        return authorities.FirstOrDefault(authority => AuthorityPin.Matches(authority, pin)) ?? throw new UserException(
            $"the cluster at {Show(server)} has the authority {string.Join(", ", authorities.Select(AuthorityPin.Of))}, which is not that of --ca-cert-hash: it is another cluster, or somebody stands in between. "
            + "Nothing was sent to it. Take the command that `fairlead token create` prints on the server");
    }

    private static async Task<string> ReadAsync(Uri server, TimeProvider time, CancellationToken cancel)
    {
        // Nothing is believed of what comes, and nothing secret is sent.
        using var client = new KubeClient(new KubeClientConfiguration { Server = server, SkipTlsVerify = true }, "fairlead-join");
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            var info = await client.GetAsync(ApiResources.ConfigMaps, Namespace, Name, either.Token);
            return info.Data is not null && info.Data.TryGetValue(Key, out var text) ? text : "";
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw OutOfReach(server, $"no answer within {Patience.TotalSeconds:F0} s");
        }
        catch (HttpRequestException e)
        {
            throw OutOfReach(server, e.InnerException?.Message ?? e.Message);
        }
        catch (KubeApiException e)
        {
            throw new UserException($"{Show(server)} does not tell how to join it (ConfigMap {Namespace}/{Name}: {e.Message}); it is no server that Fairlead or kubeadm set up, or not yet ready");
        }
    }

    internal static UserException OutOfReach(Uri server, string why) =>
        new($"{Show(server)} is out of reach ({why}); check the address of --server, that `fairlead server` runs there, and that this machine may connect to its port {server.Port}");

    private static string Show(Uri server) => server.GetLeftPart(UriPartial.Authority);

    private static List<X509Certificate2>? Authorities(string kubeconfig)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(kubeconfig));
            if (stream.Documents is not [{ RootNode: YamlMappingNode root }]) return null;
            if (root.Children["clusters"] is not YamlSequenceNode { Children: [YamlMappingNode entry, ..] } || entry.Children["cluster"] is not YamlMappingNode cluster) return null;
            var pem = Encoding.ASCII.GetString(Convert.FromBase64String(((YamlScalarNode)cluster.Children["certificate-authority-data"]).Value!));
            var found = new X509Certificate2Collection();
            found.ImportFromPem(pem);
            return [.. found];
        }
        catch (Exception e) when (e is YamlException or KeyNotFoundException or FormatException or CryptographicException or InvalidCastException)
        {
            return null;
        }
    }
}
