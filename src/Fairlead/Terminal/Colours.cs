namespace Fairlead.Terminal;

/// <summary>Colours, on a terminal only, and not where the user wants none (https://no-color.org).</summary>
internal static class Colours
{
    public static bool AreOn { get; } = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>✓ of what went well.</summary>
    public static string Well => Green("✓");

    /// <summary>✗ of what did not.</summary>
    public static string Ill => Red("✗");

    public static string Green(string text) => Paint("32", text);

    public static string Red(string text) => Paint("31", text);

    private static string Paint(string colour, string text) => AreOn ? $"\e[{colour}m{text}\e[0m" : text;
}
