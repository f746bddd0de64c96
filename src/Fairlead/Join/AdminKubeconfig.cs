using Fairlead.ApiServer.Security;
using Fairlead.Cluster;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;

namespace Fairlead.Join;

/// <summary>The administrator's kubeconfig of a server, in its folder.</summary>
internal static class AdminKubeconfig
{
    public const string FileName = "admin.kubeconfig";
    private static readonly TimeSpan Margin = TimeSpan.FromDays(30);

    /// <summary>Writes it where there is none, or where it would soon be of no use.</summary>
    public static string Ensure(string folder, CertificateAuthority authority, Uri server, DateTimeOffset now)
    {
        var path = Path.Combine(folder, FileName);
        if (IsGood(path, server, now)) return path;
        var issued = authority.Issue("kubernetes-admin", [User.Masters], []);
        KubeconfigFile.WriteSingle(path, new KubeconfigEntry(ClusterPaths.DefaultName, server.GetLeftPart(UriPartial.Authority), authority.CertificatePem, issued.CertificatePem, issued.KeyPem));
        return path;
    }

    private static bool IsGood(string path, Uri server, DateTimeOffset now)
    {
        if (!File.Exists(path)) return false;
        try
        {
            var present = KubeClientConfiguration.FromFile(path);
            return present.Server == server && present.ClientCertificate is { } certificate && certificate.NotAfter > (now + Margin).UtcDateTime.ToLocalTime();
        }
        catch (KubeClientConfigurationException)
        {
            return false;
        }
    }
}
