namespace Fairlead.ApiServer.Security;

/// <summary>Who asks, as authentication found out.</summary>
public sealed record User(string Name, IReadOnlyList<string> Groups)
{
    public const string Masters = "system:masters";
    public const string Nodes = "system:nodes";
    public const string NodeNamePrefix = "system:node:";

    public static readonly User Anonymous = new("system:anonymous", ["system:unauthenticated"]);
}
