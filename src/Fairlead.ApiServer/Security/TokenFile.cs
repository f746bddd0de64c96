namespace Fairlead.ApiServer.Security;

/// <summary>Kubernetes' static token file (Kubernetes documentation: "Authenticating", static token file).</summary>
public static class TokenFile
{
    /// <summary>Reads lines of <c>token,user,uid,"group1,group2"</c> .</summary>
    /// <exception cref="FormatException">A line has fewer than three fields.</exception>
    public static Dictionary<string, User> Read(IEnumerable<string> lines)
    {
        var tokens = new Dictionary<string, User>();
        foreach (var line in lines.Where(line => line.Trim().Length > 0))
        {
            var fields = line.Split(',', 4);
            if (fields.Length < 3) throw new FormatException($"a line of the token file lacks token, user or uid: \"{fields[0][..Math.Min(4, fields[0].Length)]}…\"");
            var groups = fields.Length < 4 ? [] : fields[3].Trim().Trim('"').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            tokens[fields[0].Trim()] = new User(fields[1].Trim(), [.. groups, "system:authenticated"]);
        }
        return tokens;
    }
}
