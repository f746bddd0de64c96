using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;

namespace Fairlead.Join;

/// <summary>What a node that joined keeps for its next start, in a folder that only root reads: who it is, where the server is, what the cluster agreed on.</summary>
internal sealed class NodeFolder(string path)
{
    private string Kubeconfig => $"{path}/node.kubeconfig";

    private string Serving => $"{path}/kubelet.pem";

    private string Settings => $"{path}/settings";

    public static NodeFolder Of(string cluster, string node) => new($"/var/lib/fairlead/{cluster}/join/{node}");

    /// <summary>Whether the node has joined before.</summary>
    public bool HasJoined => File.Exists(Kubeconfig) && File.Exists(Settings);

    /// <exception cref="KubeClientConfigurationException">The file cannot be used.</exception>
    public KubeClientConfiguration ReadClient() => KubeClientConfiguration.FromFile(Kubeconfig);

    public ClusterSettings ReadSettings() =>
        ClusterSettings.From(File.ReadLines(Settings).Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]));

    /// <summary>The kubelet API's certificate; null: none that can be used.</summary>
    public X509Certificate2? ReadServing()
    {
        try
        {
            return File.Exists(Serving) ? X509Certificate2.CreateFromPemFile(Serving, Serving) : null;
        }
        catch (CryptographicException)
        {
            // A new one is asked for.
            return null;
        }
    }

    public void Write(ClusterSettings settings) => Replace(Settings, string.Concat(settings.ToData().Select(pair => $"{pair.Key}={pair.Value}\n")));

    public void WriteServing(string pem) => Replace(Serving, pem);

    /// <param name="pem">Certificate and key of the node as client.</param>
    public void WriteClient(Uri server, X509Certificate2 authority, string pem)
    {
        MakeFolder();
        KubeconfigFile.WriteSingle(Kubeconfig, new KubeconfigEntry(
            "fairlead", server.GetLeftPart(UriPartial.Authority), authority.ExportCertificatePem(), Part(pem, "CERTIFICATE"), Part(pem, "PRIVATE KEY")));
    }

    public void Delete()
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }

    private static string Part(string pem, string label)
    {
        foreach (var range in Blocks(pem))
        {
            if (PemEncoding.TryFind(pem[range], out var fields) && pem[range][fields.Label] == label) return pem[range] + "\n";
        }
        throw new UserException($"the server answered no {label}");
    }

    private static IEnumerable<Range> Blocks(string pem)
    {
        var at = 0;
        while (PemEncoding.TryFind(pem.AsSpan(at), out var fields))
        {
            var (start, length) = fields.Location.GetOffsetAndLength(pem.Length - at);
            yield return (at + start)..(at + start + length);
            at += start + length;
        }
    }

    private void Replace(string file, string text)
    {
        MakeFolder();
        var temporary = file + ".new";
        using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        using (var writer = new StreamWriter(stream))
        {
            writer.Write(text);
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, file, overwrite: true);
    }

    private void MakeFolder() => Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
