using System.Text.RegularExpressions;

namespace Fairlead.ApiServer.Resources;

/// <summary>
/// The forms of names in Kubernetes, with its messages (Kubernetes documentation: "Object Names and IDs", "Labels and Selectors").
/// Each rule answers null, or what is wrong.
/// </summary>
internal static partial class NameRules
{
    public static string? Subdomain(string name)
    {
        if (name.Length > 253) return "must be no more than 253 characters";
        return SubdomainForm().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
              + "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    }

    public static string? Label(string name)
    {
        if (name.Length > 63) return "must be no more than 63 characters";
        return LabelForm().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
              + "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    }

    public static string? Label1035(string name)
    {
        if (name.Length > 63) return "must be no more than 63 characters";
        return Label1035Form().IsMatch(name)
            ? null
            : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character "
              + "(e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    }

    public static string? PortName(string name)
    {
        if (name.Length > 15) return "must be no more than 15 characters";
        if (!PortNameForm().IsMatch(name)) return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        if (!name.Any(char.IsAsciiLetter)) return "must contain at least one letter (a-z)";
        if (name.Contains("--", StringComparison.Ordinal)) return "must not contain consecutive hyphens";
        return name[0] == '-' || name[^1] == '-' ? "must not begin or end with a hyphen" : null;
    }

    /// <summary>A label's or annotation's key: an optional DNS subdomain and slash, then a name.</summary>
    public static string? QualifiedName(string key)
    {
        const string Rule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
            + "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        var parts = key.Split('/');
        if (parts.Length > 2) return "a qualified name " + Rule + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
        var name = parts[^1];
        if (parts.Length == 2)
        {
            if (parts[0].Length == 0) return "prefix part must be non-empty";
            if (Subdomain(parts[0]) is { } wrong) return "prefix part " + wrong;
        }
        if (name.Length == 0) return "name part must be non-empty";
        if (name.Length > 63) return "name part must be no more than 63 characters";
        return LabelValueForm().IsMatch(name) ? null : "name part " + Rule;
    }

    public static string? LabelValue(string value)
    {
        if (value.Length > 63) return "must be no more than 63 characters";
        return value.Length == 0 || LabelValueForm().IsMatch(value)
            ? null
            : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
              + "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    }

    /// <summary>A name that only has to stand in a path.</summary>
    public static string? PathSegment(string name)
    {
        if (name is "." or "..") return $"may not be '{name}'";
        if (name.Contains('/', StringComparison.Ordinal)) return "may not contain '/'";
        return name.Contains('%', StringComparison.Ordinal) ? "may not contain '%'" : null;
    }

    public static string? EnvironmentName(string name) =>
        name.Length > 0 && name.All(c => c is > ' ' and < '\x7f' and not '=')
            ? null
            : "a valid environment variable name must consist only of printable ASCII characters other than '='";

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex SubdomainForm();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex LabelForm();

    [GeneratedRegex(@"^[a-z]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex Label1035Form();

    [GeneratedRegex(@"^[-a-z0-9]+\z")]
    private static partial Regex PortNameForm();

    [GeneratedRegex(@"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z")]
    private static partial Regex LabelValueForm();
}
