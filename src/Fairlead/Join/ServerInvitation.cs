using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Join;

/// <summary>
/// Tells machines and the administrator how to come in: where and who the server is (kube-public/cluster-info, which anybody may read, as
/// kubeadm has it), what the cluster agrees on, a kubeconfig, and the command to type.
/// </summary>
/// <param name="folder">Where the administrator's kubeconfig goes.</param>
/// <param name="output">Gets the command; null: it is not wanted, and no token is made for it.</param>
internal sealed class ServerInvitation(
    KubeClient client, Uri server, CertificateAuthority authority, string folder, ClusterSettings settings, TextWriter? output, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private const string Description = "The join command that `fairlead server` prints.";
    private static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>Does so, and then nothing until cancelled. A store that takes nothing just now is waited for.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!await TryAsync(cancel)) await Task.Delay(Retry, time, cancel);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancel);
    }

    private async Task<bool> TryAsync(CancellationToken cancel)
    {
        try
        {
            await PutAsync(ClusterInfo.Namespace, ClusterInfo.Name, ClusterInfo.ToData(server, authority.CertificatePem), cancel);
            await PutAsync(ClusterSettings.Namespace, ClusterSettings.Name, settings.ToData(), cancel);
            var kubeconfig = AdminKubeconfig.Ensure(folder, authority, server, time.GetUtcNow());
            if (output is not null) Print(output, kubeconfig, await TokenAsync(cancel));
            return true;
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or IOException)
        {
            JoinLog.NotInvited(log, e.Message);
            return false;
        }
    }

    private void Print(TextWriter to, string kubeconfig, StoredToken token)
    {
        using var certificate = X509Certificate2.CreateFromPem(authority.CertificatePem);
        to.WriteLine($"""
            The server is ready at {server.GetLeftPart(UriPartial.Authority)}.
              kubectl --kubeconfig {kubeconfig} get nodes
            To make a machine a node, run this there as root. The token holds until {token.End:u}; `fairlead token create` makes another.
              {JoinCommandLine.Of(server, token.Token, certificate)}
            """);
    }

    /// <summary>The token of the printed command: the one of before while it holds, else a new one.</summary>
    private async Task<StoredToken> TokenAsync(CancellationToken cancel)
    {
        var known = await client.ListAsync(ApiResources.Secrets, BootstrapToken.Namespace, new ListOptions { FieldSelector = $"type={BootstrapToken.SecretType}" }, cancel);
        var now = time.GetUtcNow();
        if (known.Items.Select(StoredToken.From).FirstOrDefault(token => token?.Description == Description && token.End > now + (Life / 2)) is { } held) return held;
        var secret = BootstrapToken.Generate().ToSecret(now + Life, Description, [BootstrapToken.Group]);
        return StoredToken.From(await client.CreateAsync(ApiResources.Secrets, secret, cancel))!;
    }

    private async Task PutAsync(string ns, string name, Dictionary<string, string> data, CancellationToken cancel)
    {
        var wanted = new V1ConfigMap { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = ns }, Data = data };
        try
        {
            await client.CreateAsync(ApiResources.ConfigMaps, wanted, cancel);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            // Of an earlier start, perhaps with other options.
            await client.ReplaceAsync(ApiResources.ConfigMaps, wanted, null, cancel);
        }
    }
}
