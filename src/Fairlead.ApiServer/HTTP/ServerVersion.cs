using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The Kubernetes version whose behaviour this server has, as /version tells it.</summary>
public static class ServerVersion
{
    public const string Git = "v1.36.0";

    internal static JsonObject Document() => new()
    {
        ["major"] = "1",
        ["minor"] = "36",
        ["emulationMajor"] = "1",
        ["emulationMinor"] = "36",
        ["minCompatibilityMajor"] = "1",
        ["minCompatibilityMinor"] = "35",
        ["gitVersion"] = Git,
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "none",
        ["compiler"] = "ilc",
        ["platform"] = "linux/amd64",
    };
}
