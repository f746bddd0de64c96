using System.Net.Http.Headers;
using k8s.KubeConfigModels;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Kube.Client;

/// <summary>
/// A kubeconfig's <c>tokenFile</c>, which KubernetesClient does not know: the file of a pod's service account, whose token is renewed
/// before it expires (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#AuthInfo), so that it is read again.
/// </summary>
internal static class TokenFile
{
    /// <summary>The file that the current context's user names, absolute; null: none.</summary>
    internal static string? Find(string kubeconfig)
    {
        var stream = new YamlStream();
        using (var reader = new StreamReader(kubeconfig)) stream.Load(reader);
        if (stream.Documents is not [{ RootNode: YamlMappingNode root }, ..] || Text(root, "current-context") is not { } context) return null;
        if (Text(Named(root, "contexts", context, "context"), "user") is not { } user || Text(Named(root, "users", user, "user"), "tokenFile") is not { } file) return null;
        return Path.GetFullPath(file, Path.GetDirectoryName(Path.GetFullPath(kubeconfig))!);
    }

    /// <summary>The kubeconfig with the token of now in place of its file.</summary>
    internal static void PutToken(K8SConfiguration config, string token)
    {
        var user = config.Contexts.First(context => context.Name == config.CurrentContext).ContextDetails.User;
        config.Users.First(found => found.Name == user).UserCredentials.Token = token;
    }

    private static YamlMappingNode? Named(YamlMappingNode root, string list, string name, string member) =>
        root.Children.TryGetValue(list, out var found) && found is YamlSequenceNode items
            && items.OfType<YamlMappingNode>().FirstOrDefault(item => Text(item, "name") == name) is { } item && item.Children.TryGetValue(member, out var inside) ? inside as YamlMappingNode : null;

    private static string? Text(YamlMappingNode? node, string name) =>
        node is not null && node.Children.TryGetValue(name, out var found) && found is YamlScalarNode { Value: { Length: > 0 } value } ? value : null;
}

/// <summary>Gives each request the token that the file holds; it is read at most once a minute.</summary>
internal sealed class TokenFileHandler(string file, TimeProvider time, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private static readonly TimeSpan Keep = TimeSpan.FromMinutes(1);
    private volatile Known? _known;

    private sealed record Known(string Token, long Read);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token());
        return base.SendAsync(request, cancellationToken);
    }

    private string Token()
    {
        if (_known is { } known && time.GetElapsedTime(known.Read) < Keep) return known.Token;
        try
        {
            _known = new Known(File.ReadAllText(file).Trim(), time.GetTimestamp());
        }
        catch (IOException) when (_known is not null)
        {
            // Just being replaced; the one of before still holds for some minutes.
        }
        return _known!.Token;
    }
}
