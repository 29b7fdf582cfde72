"""DDEX release messages of our own making, in the form of the standard's two generations."""

import re

# In the form of DDEX's own sample of an audio album in ERN 3.8.2 (Release Profile 1.4); valid by the schema of ERN 3.6
# (the bindings in the package ddexreader), but for its namespace, and held against those of 3.8 to 3.8.3 as said below.
ERN_38 = """<?xml version="1.0" encoding="utf-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/382" MessageSchemaVersionId="ern/382"
  ReleaseProfileVersionId="CommonReleaseTypesTypes/14/AudioAlbum" LanguageAndScriptCode="en">
  <MessageHeader>
    <MessageThreadId>t-1</MessageThreadId><MessageId>m-1</MessageId>
    <MessageSender>
      <PartyId>PADPIDA2026010101X</PartyId><PartyName><FullName>Harbour</FullName></PartyName>
    </MessageSender>
    <MessageRecipient><PartyId>PADPIDA2026010102Y</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-03-01T10:00:00+00:00</MessageCreatedDateTime>
    <MessageControlType>LiveMessage</MessageControlType>
  </MessageHeader>
  <UpdateIndicator>OriginalMessage</UpdateIndicator>
  <ResourceList>
    <SoundRecording>
      <SoundRecordingType>MusicalWorkSoundRecording</SoundRecordingType>
      <SoundRecordingId><ISRC>QZAF12600001</ISRC></SoundRecordingId>
      <ResourceReference>A1</ResourceReference>
      <ReferenceTitle><TitleText>Evening Song</TitleText></ReferenceTitle>
      <IsInstrumental>false</IsInstrumental>
      <LanguageOfPerformance>en</LanguageOfPerformance>
      <Duration>PT3M20.5S</Duration>
      <SoundRecordingDetailsByTerritory>
        <TerritoryCode>Worldwide</TerritoryCode>
        <Title TitleType="FormalTitle"><TitleText>Evening Song</TitleText><SubTitle>Formal</SubTitle></Title>
        <Title TitleType="DisplayTitle"><TitleText>Evening Song</TitleText><SubTitle>Live</SubTitle></Title>
        <DisplayArtist SequenceNumber="1">
          <PartyName><FullName>Anna Example</FullName></PartyName><ArtistRole>MainArtist</ArtistRole>
        </DisplayArtist>
        <DisplayArtist SequenceNumber="2">
          <PartyName><FullName>Bob Beispiel</FullName></PartyName><ArtistRole>FeaturedArtist</ArtistRole>
        </DisplayArtist>
        <ResourceContributor SequenceNumber="1">
          <PartyName><FullName>Cleo Cutter</FullName></PartyName>
          <ResourceContributorRole>Producer</ResourceContributorRole>
        </ResourceContributor>
        <IndirectResourceContributor SequenceNumber="1">
          <PartyName><FullName>Dan Writer</FullName></PartyName>
          <IndirectResourceContributorRole UserDefinedValue="Whistler">UserDefined</IndirectResourceContributorRole>
        </IndirectResourceContributor>
        <PLine><Year>2026</Year><PLineText>(P) 2026 Harbour</PLineText></PLine>
        <ParentalWarningType>Explicit</ParentalWarningType>
      </SoundRecordingDetailsByTerritory>
      <SoundRecordingDetailsByTerritory>
        <TerritoryCode>DE</TerritoryCode>
        <Title TitleType="DisplayTitle"><TitleText>Abendlied</TitleText></Title>
      </SoundRecordingDetailsByTerritory>
    </SoundRecording>
    <SoundRecording>
      <SoundRecordingType>MusicalWorkSoundRecording</SoundRecordingType>
      <SoundRecordingId><ISRC>QZAF12600002</ISRC></SoundRecordingId>
      <ResourceReference>A2</ResourceReference>
      <ReferenceTitle><TitleText>Morning Song</TitleText></ReferenceTitle>
      <Duration>PT1H0M0S</Duration>
      <SoundRecordingDetailsByTerritory><TerritoryCode>Worldwide</TerritoryCode></SoundRecordingDetailsByTerritory>
    </SoundRecording>
  </ResourceList>
  <ReleaseList>
    <Release IsMainRelease="true">
      <ReleaseId><GRid>A10302B0003989564F</GRid><ICPN IsEan="true">0602445790098</ICPN></ReleaseId>
      <ReleaseReference>R0</ReleaseReference>
      <ReferenceTitle><TitleText>Evenings</TitleText></ReferenceTitle>
      <ReleaseResourceReferenceList>
        <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A1</ReleaseResourceReference>
        <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A2</ReleaseResourceReference>
        <ReleaseResourceReference ReleaseResourceType="SecondaryResource">A9</ReleaseResourceReference>
      </ReleaseResourceReferenceList>
      <ReleaseType>Album</ReleaseType>
      <ReleaseDetailsByTerritory>
        <TerritoryCode>Worldwide</TerritoryCode>
        <DisplayArtistName>Anna Example</DisplayArtistName>
        <LabelName>Harbour</LabelName>
        <Title TitleType="DisplayTitle"><TitleText>Evenings</TitleText></Title>
        <ParentalWarningType>NotExplicit</ParentalWarningType>
        <ResourceGroup>
          <ResourceGroup>
            <Title TitleType="GroupingTitle"><TitleText>Component 2</TitleText></Title>
            <SequenceNumber>2</SequenceNumber>
            <ResourceGroupContentItem>
              <SequenceNumber>1</SequenceNumber><ResourceType>SoundRecording</ResourceType>
              <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A1</ReleaseResourceReference>
            </ResourceGroupContentItem>
            <ResourceGroupContentItem>
              <SequenceNumber>2</SequenceNumber><ResourceType>SoundRecording</ResourceType>
              <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A2</ReleaseResourceReference>
            </ResourceGroupContentItem>
          </ResourceGroup>
        </ResourceGroup>
        <Genre><GenreText>Pop</GenreText><SubGenre>Dream Pop</SubGenre></Genre>
        <ReleaseDate>2026-03-05</ReleaseDate>
      </ReleaseDetailsByTerritory>
      <PLine><Year>2026</Year><PLineText>(P) 2026 Harbour</PLineText></PLine>
      <CLine><Year>2026</Year><CLineText>(C) 2026 Harbour</CLineText></CLine>
      <GlobalOriginalReleaseDate>2026-03-01</GlobalOriginalReleaseDate>
    </Release>
    <Release>
      <ReleaseId><ISRC>QZAF12600001</ISRC></ReleaseId>
      <ReleaseReference>R1</ReleaseReference>
      <ReferenceTitle><TitleText>Evening Song</TitleText></ReferenceTitle>
      <ReleaseResourceReferenceList>
        <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A1</ReleaseResourceReference>
      </ReleaseResourceReferenceList>
      <ReleaseType>TrackRelease</ReleaseType>
      <ReleaseDetailsByTerritory>
        <TerritoryCode>Worldwide</TerritoryCode>
        <DisplayArtist>
          <PartyName><FullName>Anna Example</FullName></PartyName><ArtistRole>MainArtist</ArtistRole>
        </DisplayArtist>
      </ReleaseDetailsByTerritory>
    </Release>
  </ReleaseList>
  <DealList>
    <ReleaseDeal>
      <DealReleaseReference>R0</DealReleaseReference>
      <DealReleaseReference>R1</DealReleaseReference>
      <Deal><DealTerms>
        <CommercialModelType>SubscriptionModel</CommercialModelType>
        <Usage><UseType>OnDemandStream</UseType></Usage>
        <TerritoryCode>GB</TerritoryCode><TerritoryCode>DE</TerritoryCode>
        <ValidityPeriod><StartDate>2026-03-05</StartDate></ValidityPeriod>
      </DealTerms></Deal>
    </ReleaseDeal>
  </DealList>
</ern:NewReleaseMessage>
"""

# In the form of DDEX's own samples "Audio" and "SimpleAudioSingle" of ERN 4.3. This one, those that are made from it,
# and the purge were held against the elements that the schema of each version has: names, order, and what has to be.
ERN_43 = """<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43" ReleaseProfileVersionId="Audio"
  LanguageAndScriptCode="en" AvsVersionId="3">
  <MessageHeader>
    <MessageThreadId>t-2</MessageThreadId><MessageId>m-2</MessageId>
    <MessageSender>
      <PartyId>PADPIDA2026010101X</PartyId><PartyName><FullName>Harbour</FullName></PartyName>
    </MessageSender>
    <MessageRecipient><PartyId>PADPIDA2026010102Y</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-03-02T10:00:00+00:00</MessageCreatedDateTime>
  </MessageHeader>
  <PartyList>
    <Party>
      <PartyReference>PAnna</PartyReference><PartyName><FullName>Anna Example</FullName></PartyName>
      <PartyId><ISNI>000000012150090X</ISNI></PartyId>
    </Party>
    <Party><PartyReference>PCleo</PartyReference><PartyName><FullName>Cleo Cutter</FullName></PartyName></Party>
    <Party><PartyReference>PHarbour</PartyReference><PartyName><FullName>Harbour</FullName></PartyName></Party>
  </PartyList>
  <ResourceList>
    <SoundRecording>
      <ResourceReference>A1</ResourceReference>
      <Type>MusicalWorkSoundRecording</Type>
      <SoundRecordingEdition>
        <ResourceId><ISRC>QZAF12600003</ISRC></ResourceId>
        <PLine><Year>2026</Year><PLineText>(P) 2026 Harbour</PLineText></PLine>
        <TechnicalDetails><TechnicalResourceDetailsReference>T1</TechnicalResourceDetailsReference></TechnicalDetails>
      </SoundRecordingEdition>
      <DisplayTitleText>Night Song</DisplayTitleText>
      <DisplayTitle LanguageAndScriptCode="ja-Jpan" ApplicableTerritoryCode="Worldwide">
        <TitleText>よるのうた</TitleText>
      </DisplayTitle>
      <DisplayTitle ApplicableTerritoryCode="Worldwide" IsDefault="true">
        <TitleText>Night Song</TitleText>
      </DisplayTitle>
      <DisplayArtistName ApplicableTerritoryCode="Worldwide" IsDefault="true">Anna Example</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PAnna</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <Contributor SequenceNumber="1">
        <ContributorPartyReference>PCleo</ContributorPartyReference><Role>Mixer</Role>
      </Contributor>
      <Duration>PT2M28S</Duration>
      <CreationDate>2025-12-01</CreationDate>
      <ParentalWarningType>NoAdviceAvailable</ParentalWarningType>
      <IsInstrumental>true</IsInstrumental>
    </SoundRecording>
  </ResourceList>
  <ReleaseList>
    <Release>
      <ReleaseReference>R0</ReleaseReference>
      <ReleaseType>Single</ReleaseType>
      <ReleaseId><ICPN>0602445790104</ICPN><CatalogNumber Namespace="PADPIDA2026010101X">H 2</CatalogNumber></ReleaseId>
      <DisplayTitleText>Nights</DisplayTitleText>
      <DisplayTitle ApplicableTerritoryCode="Worldwide" IsDefault="true"><TitleText>Nights</TitleText></DisplayTitle>
      <DisplayArtistName ApplicableTerritoryCode="Worldwide" IsDefault="true">Anna Example</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PAnna</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <ReleaseLabelReference ApplicableTerritoryCode="Worldwide" IsDefault="true">PHarbour</ReleaseLabelReference>
      <PLine><Year>2026</Year><PLineText>(P) 2026 Harbour</PLineText></PLine>
      <Duration>PT2M28S</Duration>
      <Genre ApplicableTerritoryCode="Worldwide"><GenreText>J-Pop</GenreText></Genre>
      <OriginalReleaseDate>2026-03-02</OriginalReleaseDate>
      <ParentalWarningType>ExplicitContentEdited</ParentalWarningType>
      <ResourceGroup>
        <SequenceNumber>1</SequenceNumber>
        <ResourceGroupContentItem>
          <SequenceNumber>1</SequenceNumber><ReleaseResourceReference>A1</ReleaseResourceReference>
        </ResourceGroupContentItem>
      </ResourceGroup>
    </Release>
    <TrackRelease>
      <ReleaseReference>R1</ReleaseReference><ReleaseId><GRid>A10302B0003989565F</GRid></ReleaseId>
      <ReleaseResourceReference>A1</ReleaseResourceReference>
      <ReleaseLabelReference>PHarbour</ReleaseLabelReference><Genre><GenreText>J-Pop</GenreText></Genre>
    </TrackRelease>
  </ReleaseList>
  <DealList>
    <ReleaseDeal>
      <DealReleaseReference>R0</DealReleaseReference>
      <Deal><DealTerms>
        <TerritoryCode>JP</TerritoryCode>
        <ValidityPeriod><StartDate>2026-03-02</StartDate></ValidityPeriod>
        <CommercialModelType>SubscriptionModel</CommercialModelType><UseType>OnDemandStream</UseType>
      </DealTerms></Deal>
    </ReleaseDeal>
  </DealList>
</ern:NewReleaseMessage>
"""

# As the schema of 4.2 has it: a recording has its ISRC and its line of rights itself.
ERN_42 = re.sub(
    r"<SoundRecordingEdition>\s*(<ResourceId>.*?)\s*(<PLine>.*?</PLine>).*?</SoundRecordingEdition>(.*?)(<Duration>)",
    r"\1\3\2\4",
    ERN_43.replace("/ern/43", "/ern/42"),
    count=1,
    flags=re.DOTALL,
)

# As 4.3.1 and 4.3.2 have it: genres are called otherwise, and a role has its instruments beside it.
ERN_431 = re.sub(r"(</?)Genre(?=[ >])", r"\1DisplayGenre", ERN_43.replace("/ern/43", "/ern/431")).replace(
    "<Role>Mixer</Role>", "<Role><Value>Mixer</Value><InstrumentType>Piano</InstrumentType></Role>"
)

PURGE = """<ern:PurgeReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43" AvsVersionId="3" LanguageAndScriptCode="en">
  <MessageHeader>
    <MessageId>m-3</MessageId><MessageSender><PartyId>PADPIDA2026010101X</PartyId></MessageSender>
    <MessageRecipient><PartyId>PADPIDA2026010102Y</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-04-01T10:00:00Z</MessageCreatedDateTime>
  </MessageHeader>
  <PurgedRelease><ReleaseId><ICPN>0602445790098</ICPN></ReleaseId></PurgedRelease>
</ern:PurgeReleaseMessage>
"""
