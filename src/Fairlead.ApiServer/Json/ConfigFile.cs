using System.Text.Json.Nodes;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Json;

/// <summary>A configuration file of Kubernetes' form, in YAML or JSON.</summary>
internal static class ConfigFile
{
    /// <summary>Reads it, and has <paramref name="parse"/> look at it.</summary>
    /// <param name="option">The option that names it, for messages.</param>
    /// <exception cref="ApiServerOptionsException">It cannot be read, is of another kind, or anything in it is wrong; the message has all of it.</exception>
    public static T Read<T>(string option, string file, string kind, IReadOnlyCollection<string> apiVersions, Func<ConfigNode, T> parse)
    {
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ApiServerOptionsException($"{option} {file} cannot be read: {e.Message}");
        }
        return Parse($"{option} {file}", text, kind, apiVersions, parse);
    }

    /// <param name="where">For messages.</param>
    /// <exception cref="ApiServerOptionsException">As of <see cref="Read"/>.</exception>
    public static T Parse<T>(string where, string text, string kind, IReadOnlyCollection<string> apiVersions, Func<ConfigNode, T> parse)
    {
        JsonNode? tree;
        try
        {
            tree = YamlBody.Read(System.Text.Encoding.UTF8.GetBytes(text));
        }
        catch (ApiError e)
        {
            throw new ApiServerOptionsException($"{where}: {e.Message}");
        }
        if (tree is not JsonObject obj) throw new ApiServerOptionsException($"{where}: there is no {kind} in it");
        if (obj.Text("kind") != kind || !apiVersions.Contains(obj.Text("apiVersion") ?? ""))
            throw new ApiServerOptionsException($"{where} is {obj.Text("apiVersion")} {obj.Text("kind")}; it must be {apiVersions.First()} {kind}");
        var errors = new List<string>();
        var parsed = parse(new ConfigNode(obj, "", errors));
        return errors.Count == 0 ? parsed : throw new ApiServerOptionsException($"{where}: {string.Join("; ", errors)}");
    }
}
