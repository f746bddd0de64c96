using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Node.Certificates;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Join;

/// <summary>What was typed for joining. All of it may be missing on a machine that has joined.</summary>
internal sealed record JoinOptions(string Cluster, string NodeName, string? Server, string? Token, string? Pin);

/// <summary>A node that belongs to a cluster: who it is there, and what the cluster agreed on.</summary>
internal sealed record JoinedNode(NodeFolder Folder, KubeClientConfiguration Client, X509Certificate2 Authority, RenewableCertificate Serving, ClusterSettings Settings)
{
    public RenewableCertificate Identity => Client.RenewableCertificate!;

    /// <summary>The address from which this machine reaches the server.</summary>
    public IPAddress LocalAddress()
    {
        using var probe = new Socket(SocketType.Dgram, ProtocolType.Udp);
        // Sends nothing: the kernel chooses the route, and with it the address.
        probe.Connect(Client.Server.Host, Client.Server.Port);
        var address = ((IPEndPoint)probe.LocalEndPoint!).Address;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }
}

/// <summary>Makes a machine with nothing prepared a node: trust in the authority by its fingerprint, a certificate by the token.</summary>
internal sealed class NodeJoin(ILogger log, TimeProvider time)
{
    /// <summary>Takes up what is there from an earlier start, or joins.</summary>
    /// <exception cref="UserException">It cannot; the message says what to do.</exception>
    public async Task<JoinedNode> EnterAsync(JoinOptions options, CancellationToken cancel)
    {
        var folder = NodeFolder.Of(options.Cluster, options.NodeName);
        if (folder.HasJoined && TakeUp(folder, options) is { } known) return known;
        var (server, token, pin) = Check(options);
        var authority = await ClusterInfo.FetchAsync(server, pin, time, cancel);
        var trust = new KubeClientConfiguration { Server = server, CertificateAuthorities = [authority] };
        var pem = await CertifyAsync(trust with { BearerToken = token.ToString() }, token, options.NodeName, cancel);
        var configuration = trust with { RenewableCertificate = new RenewableCertificate(X509Certificate2.CreateFromPem(pem, pem)) };
        using var client = new KubeClient(configuration, "fairlead-join");
        var settings = await ReadSettingsAsync(client, cancel);
        folder.Write(settings);
        // Last: with it the node has joined.
        folder.WriteClient(server, authority, pem);
        JoinLog.Joined(log, options.NodeName, server.GetLeftPart(UriPartial.Authority));
        return new JoinedNode(folder, configuration, authority, new RenewableCertificate(null), settings);
    }

    /// <summary>Null: what is there is of no use any more, and there is a token to join anew.</summary>
    private JoinedNode? TakeUp(NodeFolder folder, JoinOptions options)
    {
        var kept = folder.ReadClient();
        if (options.Server is { } asked && Uri.TryCreate(asked, UriKind.Absolute, out var other) && other != kept.Server && options.Token is not null) return null;
        if (kept.ClientCertificate is not { } certificate || certificate.NotAfter <= time.GetUtcNow().LocalDateTime)
        {
            return options.Token is not null ? null : throw new UserException(
                $"the certificate of node {options.NodeName} ended on {kept.ClientCertificate?.NotAfter:u}, too long ago to renew it; join again with the command that `fairlead token create` prints on the server");
        }
        var settings = folder.ReadSettings();
        return new JoinedNode(
            folder, kept with { RenewableCertificate = new RenewableCertificate(certificate) }, kept.CertificateAuthorities[0], new RenewableCertificate(folder.ReadServing()), settings);
    }

    private static (Uri Server, BootstrapToken Token, string Pin) Check(JoinOptions options)
    {
        const string Advice = "take the whole command that `fairlead server` or `fairlead token create` prints";
        if (options.Server is null) throw new UserException($"--server is needed to join, or --kubeconfig for a node with certificates of its own; {Advice}");
        if (!Uri.TryCreate(options.Server, UriKind.Absolute, out var server) || server.Scheme != Uri.UriSchemeHttps) throw new UserException($"--server {options.Server} is not an address such as https://192.0.2.10:6443");
        if (options.Token is null) throw new UserException($"--token is needed to join; {Advice}");
        if (BootstrapToken.TryParse(options.Token) is not { } token) throw new UserException($"--token is not of the form abcdef.0123456789abcdef; {Advice}");
        if (options.Pin is null) throw new UserException($"--ca-cert-hash is needed, so that this machine knows whom it joins; {Advice}");
        if (!AuthorityPin.IsValid(options.Pin)) throw new UserException($"--ca-cert-hash {options.Pin} is not sha256: and 64 hexadecimal digits; {Advice}");
        return (server, token, options.Pin);
    }

    private async Task<string> CertifyAsync(KubeClientConfiguration configuration, BootstrapToken token, string node, CancellationToken cancel)
    {
        using var client = new KubeClient(configuration, "fairlead-join");
        try
        {
            await CheckNameAsync(client, node, cancel);
            return await new CertificateRequests(log, time).ObtainAsync(client, WantedCertificate.Client(node), cancel);
        }
        catch (KubeApiException e) when (e.Code == HttpStatusCode.Unauthorized)
        {
            throw new UserException($"the server does not know the token {token.Id}, or it has expired; make another with `fairlead token create` on the server, which prints the whole command");
        }
        catch (KubeApiException e) when (e.Code == HttpStatusCode.Forbidden)
        {
            throw new UserException($"the token {token.Id} does not let a machine join ({e.Message}); make another with `fairlead token create` on the server");
        }
        catch (CertificateRefusedException e)
        {
            throw new UserException($"{e.Message}; ask the cluster's administrator, `kubectl get csr` shows what was decided");
        }
        catch (HttpRequestException e)
        {
            throw ClusterInfo.OutOfReach(configuration.Server, e.InnerException?.Message ?? e.Message);
        }
    }

    /// <summary>Two machines of one name would take turns in being that node.</summary>
    private static async Task CheckNameAsync(KubeClient client, string node, CancellationToken cancel)
    {
        if (await client.FindAsync(ApiResources.Nodes, null, node, cancel) is not { } present) return;
        if (present.Status?.Conditions?.Any(condition => condition is { Type: "Ready", Status: "True" }) == true)
            throw new UserException($"the cluster has a node {node} already, and it is Ready; give this machine another name with --node-name, or remove that one with `kubectl delete node {node}`");
    }

    private static async Task<ClusterSettings> ReadSettingsAsync(KubeClient client, CancellationToken cancel)
    {
        try
        {
            var map = await client.GetAsync(ApiResources.ConfigMaps, ClusterSettings.Namespace, ClusterSettings.Name, cancel);
            return ClusterSettings.From(new Dictionary<string, string>(map.Data ?? new Dictionary<string, string>()));
        }
        catch (KubeApiException e)
        {
            throw new UserException($"the cluster's settings cannot be read (ConfigMap {ClusterSettings.Namespace}/{ClusterSettings.Name}: {e.Message}); restart its `fairlead server`, which writes them");
        }
    }
}

internal static partial class JoinLog
{
    [LoggerMessage(7910, LogLevel.Information, "node {Node} joined {Server}")]
    public static partial void Joined(ILogger log, string node, string server);

    [LoggerMessage(7911, LogLevel.Warning, "what machines need to join could not be published: {Reason}")]
    public static partial void NotInvited(ILogger log, string reason);
}
