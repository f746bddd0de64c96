using System.Reflection;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The Kubernetes version whose behaviour this server has, as /version tells it.</summary>
public static class ServerVersion
{
    public const string Git = "v1.36.0";

    /// <summary>Of this program's sources, which the SDK writes behind its version; empty when it was built outside a repository.</summary>
    private static readonly string Commit =
        typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit] ? commit : "";

    internal static JsonObject Document() => new()
    {
        ["major"] = "1",
        ["minor"] = "36",
        ["emulationMajor"] = "1",
        ["emulationMinor"] = "36",
        ["minCompatibilityMajor"] = "1",
        ["minCompatibilityMinor"] = "35",
        ["gitVersion"] = Git,
        ["gitCommit"] = Commit,
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "none",
        ["compiler"] = "ilc",
        ["platform"] = "linux/amd64",
    };
}
