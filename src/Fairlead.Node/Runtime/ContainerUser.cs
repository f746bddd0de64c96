using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Runtime;

/// <summary>The numbers under which a container's process runs.</summary>
internal sealed record ContainerUser(uint User, uint Group, ImmutableArray<uint> Groups)
{
    private const int LongestFile = 4 << 20;

    /// <summary>
    /// Looks names up in the container's own /etc/passwd and /etc/group, and the groups that the user is in there (OCI image
    /// specification, config.md, User; Kubernetes documentation: "Configure a Security Context", supplementalGroupsPolicy).
    /// </summary>
    /// <exception cref="RuntimeException">The container has no such user or group.</exception>
    public static ContainerUser Find(LayerRoot root, ContainerSecurity security)
    {
        var asked = security.User.Split(':', 2);
        var users = Lines(root, "/etc/passwd");
        var groups = Lines(root, "/etc/group");
        var known = asked[0].Length == 0 ? users.FirstOrDefault(line => line is [_, _, "0", ..]) : users.FirstOrDefault(line => Names(line, asked[0]));
        var user = asked[0].Length == 0 ? 0 : Number(asked[0]) ?? Number(known, 2)
            ?? throw new RuntimeException($"unable to find user {asked[0]}: no matching entries in passwd file");
        var group = security.Group ?? (asked.Length > 1 ? FindGroup(groups, asked[1]) : Number(known, 3) ?? 0);
        IEnumerable<uint> more = security.Groups;
        if (!security.StrictGroups && known is not null)
            more = more.Concat(groups.Where(line => line.Length > 3 && line[3].Split(',').Contains(known[0])).Select(line => Number(line, 2)).OfType<uint>());
        return new(user, group, [.. more.Distinct()]);
    }

    private static uint FindGroup(List<string[]> groups, string name) =>
        Number(name) ?? Number(groups.FirstOrDefault(line => line[0] == name), 2)
        ?? throw new RuntimeException($"unable to find group {name}: no matching entries in group file");

    private static bool Names(string[] line, string asked) => line[0] == asked || (line.Length > 2 && line[2] == asked && Number(asked) is not null);

    private static uint? Number(string[]? line, int field) => line is not null && line.Length > field ? Number(line[field]) : null;

    private static uint? Number(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static List<string[]> Lines(LayerRoot root, string path)
    {
        if (root.Find(path) is not { } file || new FileInfo(file) is not { Exists: true, Length: > 0 and < LongestFile }) return [];
        return [.. File.ReadLines(file).Select(line => line.Split(':'))];
    }
}
