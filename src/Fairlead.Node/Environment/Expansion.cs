using System.Text;

namespace Fairlead.Node.Environment;

/// <summary>
/// <c>$(NAME)</c> in commands, arguments and variables (Kubernetes documentation: "Define Dependent Environment Variables").
/// A name that is not known stays as written; <c>$$</c> is a dollar sign that starts nothing.
/// </summary>
internal static class Expansion
{
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        if (!text.Contains('$')) return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            if (text[i + 1] == '$')
            {
                result.Append('$');
                i++;
                continue;
            }
            var end = text[i + 1] == '(' ? text.IndexOf(')', i + 2) : -1;
            if (end < 0)
            {
                result.Append('$');
                continue;
            }
            var name = text[(i + 2)..end];
            result.Append(variables.TryGetValue(name, out var value) ? value : text[i..(end + 1)]);
            i = end;
        }
        return result.ToString();
    }
}
