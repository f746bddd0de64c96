using System.Text;
using Fairlead.Terminal;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Kubeconfig;

/// <summary>How to reach a cluster as its administrator.</summary>
internal sealed record KubeconfigEntry(string Name, string Server, string CaPem, string CertificatePem, string KeyPem);

/// <summary>
/// A kubeconfig file whose other entries are left as they are (Kubernetes documentation: "Organizing Cluster Access Using kubeconfig Files").
/// </summary>
internal sealed class KubeconfigFile
{
    private static readonly string[] Lists = ["clusters", "users", "contexts"];
    private readonly string _path;
    private readonly YamlMappingNode _root;

    private KubeconfigFile(string path, YamlMappingNode root)
    {
        _path = path;
        _root = root;
    }

    /// <summary>The file that kubectl would write to: the first of $KUBECONFIG, or ~/.kube/config.</summary>
    public static string DefaultPath()
    {
        var variable = Environment.GetEnvironmentVariable("KUBECONFIG");
        var first = variable?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return Path.GetFullPath(first ?? Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/root", ".kube", "config"));
    }

    /// <summary>Reads the file; a missing one is an empty one.</summary>
    public static KubeconfigFile Open(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length == 0) return new KubeconfigFile(path, Empty());
        try
        {
            var stream = new YamlStream();
            using var reader = new StreamReader(path);
            stream.Load(reader);
            if (stream.Documents.Count == 0) return new KubeconfigFile(path, Empty());
            return stream.Documents[0].RootNode is YamlMappingNode root
                ? new KubeconfigFile(path, root)
                : throw new UserException($"{path} is not a kubeconfig; move it away, or name another file with --kubeconfig");
        }
        catch (YamlException e)
        {
            throw new UserException($"{path} is not YAML ({e.Message}); mend it, or name another file with --kubeconfig");
        }
    }

    /// <summary>Writes one cluster's file of its own.</summary>
    public static void WriteSingle(string path, KubeconfigEntry entry)
    {
        var file = new KubeconfigFile(path, Empty());
        file.Set(entry);
        file.Save();
    }

    /// <summary>Puts the cluster, its user and its context in, and makes the context the current one.</summary>
    public void Set(KubeconfigEntry entry)
    {
        Put("clusters", entry.Name, "cluster", Map(("certificate-authority-data", Base64(entry.CaPem)), ("server", entry.Server)));
        Put("users", entry.Name, "user", Map(("client-certificate-data", Base64(entry.CertificatePem)), ("client-key-data", Base64(entry.KeyPem))));
        Put("contexts", entry.Name, "context", Map(("cluster", entry.Name), ("user", entry.Name)));
        _root.Children["current-context"] = new YamlScalarNode(entry.Name);
    }

    /// <summary>Takes them out again.</summary>
    public void Remove(string name)
    {
        foreach (var list in Lists) Take(list, name);
        if (_root.Children.TryGetValue("current-context", out var current) && current is YamlScalarNode scalar && scalar.Value == name)
            _root.Children["current-context"] = new YamlScalarNode("") { Style = ScalarStyle.DoubleQuoted };
    }

    /// <summary>Replaces the file in one step; only its owner may read it. A file that holds nothing any more goes.</summary>
    public void Save()
    {
        if (Lists.All(IsEmpty))
        {
            File.Delete(_path);
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        var temporary = $"{_path}.fairlead-{Environment.ProcessId}";
        using (var stream = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        using (var writer = new StreamWriter(stream))
        {
            new YamlStream(new YamlDocument(_root)).Save(writer, assignAnchors: false);
        }
        File.Move(temporary, _path, overwrite: true);
    }

    private static YamlMappingNode Empty() => new(
        new YamlScalarNode("apiVersion"), new YamlScalarNode("v1"),
        new YamlScalarNode("kind"), new YamlScalarNode("Config"),
        new YamlScalarNode("preferences"), new YamlMappingNode { Style = YamlDotNet.Core.Events.MappingStyle.Flow });

    private static YamlMappingNode Map(params (string Key, string Value)[] pairs)
    {
        var map = new YamlMappingNode();
        foreach (var (key, value) in pairs) map.Add(key, value);
        return map;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));

    private void Put(string list, string name, string field, YamlMappingNode value)
    {
        Take(list, name);
        if (!_root.Children.TryGetValue(list, out var found) || found is not YamlSequenceNode items) _root.Children[list] = items = new YamlSequenceNode();
        items.Style = YamlDotNet.Core.Events.SequenceStyle.Block;
        items.Add(new YamlMappingNode { { "name", name }, { field, value } });
    }

    private bool IsEmpty(string list) => !_root.Children.TryGetValue(list, out var found) || found is not YamlSequenceNode { Children.Count: > 0 };

    private void Take(string list, string name)
    {
        if (!_root.Children.TryGetValue(list, out var found) || found is not YamlSequenceNode items) return;
        foreach (var item in items.Children.Where(item => NameOf(item) == name).ToList()) items.Children.Remove(item);
    }

    private static string? NameOf(YamlNode item) =>
        item is YamlMappingNode map && map.Children.TryGetValue("name", out var name) ? (name as YamlScalarNode)?.Value : null;
}
